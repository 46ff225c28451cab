-- Neovim as a client: PIDONE is the server, the working folder a copy of project/. Runs in 0.7 and later.
local uv = vim.uv or vim.loop

local function wait(what, holds)
  local last
  local ok = vim.wait(30000, function()
    local result
    result, last = holds()
    return result
  end, 20)
  if not ok then
    error(what .. ': ' .. vim.inspect(last))
  end
  print('ok: ' .. what .. '\n')
end

local function open(name, filetype)
  vim.cmd('edit ' .. name)
  vim.bo.filetype = filetype
  return vim.api.nvim_get_current_buf()
end

local docker = open('Dockerfile', 'dockerfile')
local script = open('start.sh', 'sh')

local id = (vim.lsp.start or vim.lsp.start_client)({
  name = 'pidone',
  cmd = { os.getenv('PIDONE'), 'server' },
  root_dir = uv.cwd(),
  capabilities = vim.lsp.protocol.make_client_capabilities(),
})
assert(id, 'the server does not start')
for _, buffer in ipairs({ docker, script }) do
  vim.lsp.buf_attach_client(buffer, id)
end

-- The diagnostics of a buffer, as `line rule`.
local function found(buffer)
  local all = {}
  for _, diagnostic in ipairs(vim.diagnostic.get(buffer)) do
    local code = diagnostic.code or diagnostic.user_data.lsp.code
    table.insert(all, (diagnostic.lnum + 1) .. ' ' .. code)
  end
  table.sort(all)
  return all
end

local function expect(what, in_docker, in_script)
  wait(what, function()
    local now = { found(docker), found(script) }
    return vim.deep_equal(now, { in_docker, in_script }), now
  end)
end

local function line(buffer, number)
  return vim.api.nvim_buf_get_lines(buffer, number - 1, number, true)[1]
end

-- Applies the preferred quick fix at a line.
local function fix(buffer, number)
  vim.api.nvim_set_current_buf(buffer)
  vim.api.nvim_win_set_cursor(0, { number, 0 })
  if vim.fn.has('nvim-0.8') == 1 then
    vim.lsp.buf.code_action({
      context = { only = { 'quickfix' }, diagnostics = {} },
      filter = function(action)
        return action.isPreferred
      end,
      apply = true,
    })
    return
  end
  local params = vim.lsp.util.make_range_params()
  params.context = { diagnostics = {}, only = { 'quickfix' } }
  local answer = vim.lsp.buf_request_sync(buffer, 'textDocument/codeAction', params, 30000)
  local client = vim.lsp.get_client_by_id(id)
  vim.lsp.util.apply_workspace_edit(answer[id].result[1].edit, client.offset_encoding)
end

expect('both files have their diagnostics', { '2 shell-form' }, { '3 missing-exec' })

vim.api.nvim_buf_set_lines(script, 2, 3, true, { 'exec "$@"' })
expect('the Dockerfile follows the script', { '2 shell-form', '7 shell-wrapper' }, {})

vim.api.nvim_buf_set_lines(script, 2, 3, true, { '"$@"' })
expect('and back', { '2 shell-form' }, { '3 missing-exec' })

fix(script, 3)
wait('a repair changes both files', function()
  local now = { line(docker, 7), line(script, 3) }
  return vim.deep_equal(now, { 'CMD ["sh", "-c", "exec node server.js"]', 'exec "$@"' }), now
end)

fix(docker, 2)
wait('a repair changes the Dockerfile', function()
  return line(docker, 2) == 'CMD ["node", "worker.js"]', line(docker, 2)
end)
expect('nothing is left', {}, {})

vim.api.nvim_win_set_cursor(0, { 6, 0 })
local hover = vim.lsp.buf_request_sync(docker, 'textDocument/hover', {
  textDocument = { uri = vim.uri_from_bufnr(docker) },
  position = { line = 5, character = 0 },
}, 30000)
assert(hover[id].result.contents.value:find('stops gracefully'), vim.inspect(hover))
print('ok: hover\n')
