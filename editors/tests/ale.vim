" Vim with ALE as a client: $PIDONE is the server, $LOG takes what there is to say, the working folder is a copy of project/.
set runtimepath^=/usr/share/vim-ale
let g:ale_linters = {'dockerfile': ['pidone'], 'sh': ['pidone']}
let g:ale_lint_delay = 0
let g:ale_disable_lsp = 0
filetype plugin on
runtime plugin/ale.vim

function! Root(buffer) abort
    return getcwd()
endfunction

for s:filetype in ['dockerfile', 'sh']
    call ale#linter#Define(s:filetype, {
    \   'name': 'pidone',
    \   'lsp': 'stdio',
    \   'executable': $PIDONE,
    \   'command': '%e server',
    \   'project_root': function('Root'),
    \})
endfor

function! Say(text) abort
    call writefile([a:text], $LOG, 'a')
endfunction

" The diagnostics of a buffer, as `line rule`.
function! Found(buffer) abort
    return sort(map(copy(ale#engine#GetLoclist(a:buffer)), {_, item -> item.lnum . ' ' . get(item, 'code', '')}))
endfunction

function! Wait(what, holds, last) abort
    for l:turn in range(600)
        if a:holds()
            call Say('ok: ' . a:what)
            return
        endif
        sleep 50m
    endfor
    call Say('failed: ' . a:what . ': ' . string(a:last()))
    cquit
endfunction

function! Expect(what, docker, script) abort
    call Wait(a:what, {-> [Found(s:docker), Found(s:script)] ==# [a:docker, a:script]}, {-> [Found(s:docker), Found(s:script)]})
endfunction

" Applies the first quick fix that is offered at a line.
function! Fix(buffer, line) abort
    execute 'buffer' a:buffer
    call cursor(a:line, 1)
    call ale#codefix#Execute(0, {data, items -> ale#codefix#ApplyLSPCodeAction(data, items[0][1])})
endfunction

function! Line(buffer, line) abort
    return getbufline(a:buffer, a:line)[0]
endfunction

function! Run() abort
    set hidden
    edit Dockerfile
    setfiletype dockerfile
    let s:docker = bufnr('%')
    ALELint
    edit start.sh
    setfiletype sh
    let s:script = bufnr('%')
    ALELint
    call Expect('both files have their diagnostics', ['2 shell-form'], ['3 missing-exec'])

    call setline(3, 'exec "$@"')
    ALELint
    call Expect('the Dockerfile follows the script', ['2 shell-form', '7 shell-wrapper'], [])

    call setline(3, '"$@"')
    ALELint
    call Expect('and back', ['2 shell-form'], ['3 missing-exec'])

    call Fix(s:script, 3)
    let l:expected = ['CMD ["sh", "-c", "exec node server.js"]', 'exec "$@"']
    call Wait('a repair changes both files', {-> [Line(s:docker, 7), Line(s:script, 3)] ==# l:expected}, {-> [Line(s:docker, 7), Line(s:script, 3)]})

    call Fix(s:docker, 2)
    call Wait('a repair changes the Dockerfile', {-> Line(s:docker, 2) ==# 'CMD ["node", "worker.js"]'}, {-> Line(s:docker, 2)})
    for l:buffer in [s:docker, s:script]
        execute 'buffer' l:buffer
        ALELint
    endfor
    call Expect('nothing is left', [], [])
endfunction

try
    call Run()
catch
    call Say(v:exception . ' at ' . v:throwpoint)
    cquit
endtry
qall!
