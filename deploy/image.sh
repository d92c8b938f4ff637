#!/bin/sh
# Builds what an image holds: `sh deploy/image.sh TARGET`, in the root of the repository. Nothing is compiled but bytecode.
set -eu
target=$1
python="$target/.venv/bin/python"

"${PYTHON:-python3}" -m venv "$target/.venv"
"$python" -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --only-binary :all: -r requirements/base.txt
"$python" -m pip freeze --all | sed -n 's/^\(pip\|setuptools\|wheel\)==.*/\1/p' |
    xargs "$python" -m pip uninstall --quiet --yes
cp -R actions alembic.ini celeryconfig.py db gunicorn.conf.py infra messaging realtime rpc web workers wsgi.py LICENSE "$target/"
find "$target" -name __pycache__ -type d -prune -exec rm -r {} +
"$python" -m compileall -q -j 0 "$target"
