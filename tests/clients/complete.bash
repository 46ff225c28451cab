# What bash completes: bash complete.bash SCRIPT
# shellcheck source=/dev/null
. "$1"
complete -p pidone >/dev/null
COMP_WORDS=(pidone check --output-format sar) COMP_CWORD=3 COMPREPLY=()
_pidone pidone sar --output-format
[[ ${COMPREPLY[*]} == sarif ]] || exit 1
echo "bash: pidone check --output-format sar<Tab> is sarif"
