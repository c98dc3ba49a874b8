#!/usr/bin/env bash
# Trains the shipped checkpoints and writes their folders:
#
#     tools/train_all.sh PICTURES WORK [portrait] [portrait-unpaired] [hayao] [shinkai]
#
# PICTURES holds selfie2anime/photo, selfie2anime/anime, lfw/photo, scene_train/photo, hayao/style, shinkai/style and
# shinkai_like/style. WORK/NAME gets links to the pictures, the targets or pairs, and the run. Killed or out of time,
# the same command goes on: what is prepared stays, a run resumes, a run that has all its steps is released again.
# Without names it trains portrait, hayao and shinkai.
#
# Set by the environment (defaults after the colon): MINUTES of training a style in this call, then it saves and stops: 24;
# STEPS in all: 5000; PRETRAIN of them: 400; SIZE and BATCH: 256 and 8; HELD_OUT photos of lfw, for the card: 100;
# PERCEPTUAL: resnet18:resnet18_anime.npz (tools/resnet18_weights.py); ANIMEGAN3: the command, `animegan3` of .venv;
# TEACHER, the model whose drawings portrait learns (animegan3 pairs --teacher); INIT, weights that portrait begins with;
# PYTHON for the release: that of .venv; CHECKPOINTS: checkpoints; RELEASE=0: train only; ARGS: more for train.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
pictures=$(realpath "$1") work=$2
shift 2
repository=$(cd "$(dirname "$0")/.." && pwd)
: "${MINUTES:=24}" "${STEPS:=5000}" "${PRETRAIN:=400}" "${SIZE:=256}" "${BATCH:=8}" "${HELD_OUT:=100}" "${RELEASE:=1}"
: "${TEACHER:=}" "${INIT:=}"
: "${PERCEPTUAL:=resnet18:resnet18_anime.npz}" "${CHECKPOINTS:=$repository/checkpoints}" "${ARGS:=}"
: "${ANIMEGAN3:=$repository/.venv/bin/animegan3}" "${PYTHON:=$repository/.venv/bin/python}"

link() {  # link TARGET FOLDER [FIRST [LAST]]: the folder's pictures FIRST to LAST by name, as links in TARGET
    [ -d "$2" ] || { echo "train_all: $2 is missing; PICTURES must hold it" >&2; exit 1; }
    mkdir -p "$1"
    find -L "$2" -maxdepth 1 -type f ! -name '.*' ! -name '*.txt' ! -name '*.json' | LC_ALL=C sort |
        sed -n "${3:-1},${4:-\$}p" | while IFS= read -r file; do ln -sf "$file" "$1/"; done
}

train() {  # train NAME: into WORK/NAME/run, for MINUTES at most
    local run=$work/$1/run resume= options
    # the first state is there: go on with it
    if compgen -G "$run/state-*.h5" > /dev/null; then resume=--resume; else rm -rf "$run"; fi
    if [ "$1" = portrait ]; then
        # shellcheck disable=SC2086  # ANIMEGAN3 holds words
        $ANIMEGAN3 pairs "$work/$1/photo" -o "$work/$1/pairs" --teacher "$TEACHER"
        options=(--pairs "$work/$1/pairs")
        if [ -n "$INIT" ] && [ -z "$resume" ]; then options+=(--init "$INIT"); fi
    else
        options=(--prepare --photos "$work/$1/photo" --anime "$work/$1/anime")
        options+=(--image-size "$SIZE" --batch-size "$BATCH" --pretrain-steps "$PRETRAIN")
    fi
    local status=0
    # shellcheck disable=SC2086  # these hold words
    timeout --foreground --signal=TERM --kill-after=120 "${MINUTES}m" $ANIMEGAN3 train --style "$1" "${options[@]}" \
        --perceptual "$PERCEPTUAL" --out "$run" --steps "$STEPS" $resume $ARGS || status=$?
    # timeout's own status, or that of a run that a signal saved
    if [ $status -eq 124 ] || [ $status -eq 143 ]; then
        echo "train_all: $1 is out of time and saved; the same command goes on"
    elif [ $status -ne 0 ]; then
        exit $status
    fi
}

release() {  # release NAME: WORK/NAME/run into CHECKPOINTS/NAME
    "$PYTHON" "$repository/tools/release_checkpoint.py" "$work/$1/run" "$CHECKPOINTS/$1" \
        --about "$repository/tools/cards/$1.toml" --photos "$work/held_out" --anime "$work/$1/anime" \
        --features "$PERCEPTUAL"
}

faces=$(find -L "$pictures/lfw/photo" -maxdepth 1 -type f | wc -l)
[ "$faces" -gt "$HELD_OUT" ] || { echo "train_all: lfw/photo holds $faces photos; HELD_OUT=$HELD_OUT leaves none" >&2; exit 1; }
link "$work/held_out" "$pictures/lfw/photo" $((faces - HELD_OUT + 1))
[ $# -gt 0 ] || set -- portrait hayao shinkai
for name in "$@"; do
    if [ "$name" = portrait ] && [ -z "$TEACHER" ]; then
        echo "train_all: portrait learns a teacher's drawings; set TEACHER=MODEL, or name portrait-unpaired" >&2
        exit 2
    fi
    link "$work/$name/photo/lfw" "$pictures/lfw/photo" 1 $((faces - HELD_OUT))
    link "$work/$name/photo/selfies" "$pictures/selfie2anime/photo"
    case $name in
        portrait | portrait-unpaired) link "$work/$name/anime" "$pictures/selfie2anime/anime" ;;
        hayao) link "$work/$name/anime" "$pictures/hayao/style" ;;
        shinkai)
            link "$work/$name/anime/shinkai" "$pictures/shinkai/style"
            link "$work/$name/anime/like" "$pictures/shinkai_like/style"
            ;;
        *) echo "train_all: $name is not known; name portrait, portrait-unpaired, hayao or shinkai" >&2; exit 2 ;;
    esac
    [[ "$name" = portrait* ]] || link "$work/$name/photo/scene" "$pictures/scene_train/photo"
    train "$name"
    [ "$RELEASE" = 0 ] || release "$name"
done
