#!/bin/sh
# Makes the virtual environment named by $1 with a Python that will do; $PYTHON, if set, is tried first.
set -eu
venv=$1
newest_wanted="import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))"
new_enough="import sys; sys.exit(sys.version_info[:2] < (3, 11))"

if [ -x "$venv/bin/python" ] && "$venv/bin/python" -c "$new_enough" 2>/dev/null; then exit 0; fi

# 3.11 to 3.14 are tested and have wheels of everything; a newer one is taken only where there is nothing else
python=
for check in "$newest_wanted" "$new_enough"; do
  for candidate in ${PYTHON:-python3} python3 python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c "$check" >/dev/null 2>&1; then python=$candidate; break 2; fi
  done
done
if [ -z "$python" ]; then
  found=$(python3 --version 2>&1) || found="no python3"
  echo "tpre needs Python 3.11 or newer; found: $found." >&2
  echo "hint: install one and name it: make PYTHON=/path/to/python3.12" >&2
  exit 1
fi

if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  echo "$python has no venv module, which some distributions package on its own." >&2
  echo "hint: on Debian and Ubuntu: apt install python$version-venv" >&2
  exit 1
fi
echo "making $venv with $("$python" --version)"
"$python" -m venv --clear "$venv"
