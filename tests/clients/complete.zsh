# Types into an interactive zsh, and looks at what it completes: zsh complete.zsh FOLDER, which holds `_pidone`.
zmodload zsh/zpty
zpty shell "zsh -f -i"
zpty -w shell "PROMPT=; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; print rea''dy"
zpty -r shell seen '*ready*'
zpty -w -n shell $'pidone check --output-format sar\t'
# Waits until it is there; whoever calls sets an end to that.
zpty -r shell seen '*sarif*'
print "zsh: pidone check --output-format sar<Tab> is sarif"
