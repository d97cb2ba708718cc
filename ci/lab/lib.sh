# shellcheck shell=bash
# What all laboratories have in common: install once, start, stop, hold, tell. Sourced by ci/lab/NAME, which is one
# messenger in several instances whose answer is known, and which says with these what is its own:
#
#   INSTANCES        array: the names of its instances
#   PORTS            how many TCP ports an instance needs; the first one serves its web page
#   READABLE         array: files of the cache that its processes read, by which an unprivileged user is tried
#   lab_about        prints what its instances are, and what words it has besides the common ones
#   lab_number I     prints the last octet of an instance's address, which no other laboratory has:
#                    thelounge 2-19, prosody 20-39, matrix 40-59, others from 60
#   lab_programs     dies if a program is missing
#   lab_inputs       prints the files whose contents decide what is in the cache
#   lab_fetch        fills $CACHE; what it says is kept in a log
#   lab_launch I     writes the instance's state into $dir/home and starts its processes with `spawn`
#   lab_ready I      waits until it can be used; returns 3 if a port was lost to another process, and others may do.
#                    An error in the middle of it does not end it: join its commands with &&
#   SCENARIOS        array: the files of scenarios/lab that are played on it (default: its own name)
#   lab_facts I S    prints what scenario S must know of it: values of variables, in tables named like S's variants
#   lab_word W...    does a word of its own, or returns 127
#
# In lab_launch, lab_ready and lab_facts these are set: $dir (the instance's folder), ${ports[@]}, and $address, the
# address it should come from when it fetches: 127.0.0.N, or 198.18.0.N in a yard (ci/lab/yard). Its servers listen on
# 127.0.0.1 in either case. Passwords of alice and bob are in $STATE/passwords, one NAME=VALUE a line.
set -euo pipefail
umask 022 # the servers run as another user and must be able to read the cache

SELF=$(readlink -f "${BASH_SOURCE[-1]}")
HERE=$(dirname "$SELF")
NAME=${SELF##*/}
# shellcheck disable=SC2034 # for the laboratories
DATA=$HERE/$NAME.d
CACHE=${WAXSEAL_LAB:-$(dirname "$(dirname "$HERE")")/target/lab}/$NAME
STATE=${WAXSEAL_LAB_STATE:-$CACHE/state}
case $CACHE in /*) ;; *) CACHE=$PWD/$CACHE ;; esac
case $STATE in /*) ;; *) STATE=$PWD/$STATE ;; esac
YARD=${WAXSEAL_LAB_YARD:-}

READY_LIMIT=60 # seconds until an instance must be usable; 2 are usual
STOP_LIMIT=10  # seconds from TERM to KILL; 3 are usual
TRIES=5        # starts of an instance that loses its ports to another process
READABLE=()
SCENARIOS=("$NAME")

usage() {
  cat <<T
usage: ci/lab/$NAME install
       ci/lab/$NAME up|down|status|hold [INSTANCE]...   (none: all)
       ci/lab/$NAME env
T
  lab_about
  cat <<'T'

  install  fetches the pinned packages into the cache; no-op when they are there
  up       starts instances from an empty state and waits until they are usable;
           one that runs already is started anew
  env      prints shell lines to eval: passwords, and for each scenario the path
           of a file with its variables (addresses), as SCENARIO_VARS
  down     stops instances; without a name all, and removes the state
  status   one line per instance; exit 0 if all (named) are up, else 1
  hold     up, prints "ready", then waits for the end of its standard input (or
           TERM, INT, HUP) and does down; cleans up too when it is killed itself

WAXSEAL_LAB        where the cache is (default: target/lab in this repository)
WAXSEAL_LAB_STATE  state of one lab (default: in the cache); labs with different
                   ones run side by side
WAXSEAL_LAB_LOGS   folder that gets the logs of every instance that is stopped
                   (default: only of those that did not come up, in the cache)
WAXSEAL_LAB_YARD   set by ci/lab/yard: the providers get hosts of their own
T
}

die() { printf '%s: %s\n' "$NAME" "$*" >&2; exit 1; }
wrong() { printf '%s: %s\n' "$NAME" "$*" >&2; usage >&2; exit 2; }

check_instances() {
  local i
  for i in "$@"; do
    case " ${INSTANCES[*]} " in *" $i "*) ;; *) wrong "unknown instance: $i" ;; esac
  done
}

need() { # PROGRAM...
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || die "needs $program (ci/setup lab)"
  done
}

# This folder's Python, with ci/lab/lab.py to import, and nothing compiled left beside it.
py() { PYTHONPATH=$HERE PYTHONDONTWRITEBYTECODE=1 python3 "$@"; }

# In the background, because bash runs no trap while it waits in the foreground; without our locks and pipes.
patiently() {
  "$@" 7>&- 9<&- &
  wait $!
}

# --- cache ---------------------------------------------------------------------

stamp_is() { [ "$(cat "$CACHE/stamp" 2>/dev/null)" = "$1" ]; }

install() {
  local want failed
  want=$(lab_inputs | xargs -d '\n' cat | sha256sum)
  if stamp_is "$want"; then return; fi
  lab_programs
  mkdir -p "$CACHE"
  exec 8>"$CACHE/lock"
  flock -w 900 8 || die "another install does not end: $CACHE/lock"
  # Another install may have done the work while this one waited.
  if ! stamp_is "$want"; then
    rm -f "$CACHE/stamp"
    # Not with `||`: then an error in it would not end it.
    set +e
    (set -e; lab_fetch) >"$CACHE/install.log" 2>&1 </dev/null
    failed=$?
    set -e
    if [ $failed -ne 0 ]; then
      tail -n 20 "$CACHE/install.log" >&2
      die "install failed: $CACHE/install.log"
    fi
    printf '%s\n' "$want" >"$CACHE/stamp"
  fi
  exec 8>&-
}

# npm_ci FOLDER FROM [OPTION]...: package.json and its lock file in FROM, installed into a fresh folder of the cache.
# None of the laboratories' packages needs its install script. The lock files have no "resolved" addresses, so npm uses
# its own registry.
npm_ci() {
  need npm
  rm -rf "${CACHE:?}/$1"
  mkdir -p "$CACHE/$1"
  cp "$2"/package{,-lock}.json "$CACHE/$1/"
  (cd "$CACHE/$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error "${@:3}")
}

# pip_install FOLDER REQUIREMENTS: wheels, each pinned by its digest, in a fresh virtual environment of the cache.
# Debian's own Python comes first: another one may be where the servers' user cannot read it.
pip_install() {
  local python
  python=$(PATH=/usr/bin:$PATH command -v python3) || die "needs python3 (ci/setup lab)"
  rm -rf "${CACHE:?}/$1"
  "$python" -m venv "$CACHE/$1" || die "needs python3-venv (ci/setup lab)"
  "$CACHE/$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --require-hashes -r "$2"
}

# --- state ---------------------------------------------------------------------

# One up or down at a time per state. The lock is on the folder itself, which down may have removed while this one
# waited: then once more.
lock() {
  while :; do
    if [ -e "$STATE" ] && [ "$(cat "$STATE/.waxseal-lab" 2>/dev/null)" != "$NAME" ]; then
      # down removes the folder: it must not be one that holds anything else.
      [ -z "$(ls -A "$STATE")" ] || die "not a folder of this lab, and not empty: $STATE"
    fi
    mkdir -p "$STATE"
    exec 9<"$STATE"
    flock -w 120 9 || die "another up or down does not end: $STATE"
    if [ "$STATE" -ef /proc/self/fd/9 ]; then break; fi
  done
  echo "$NAME" >"$STATE/.waxseal-lab"
}
unlock() { exec 9<&-; }

start_time() { # of a process, in ticks since boot; nothing if it is gone
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  # The second field is a name in brackets that may hold spaces.
  read -ra stat <<<"${stat##*) }"
  [ "${stat[0]}" = Z ] || echo "${stat[19]}"
}

# Pid files hold the pid AND the start time, because pids are used again.
live_pid() { # FILE: the pid if the very process that was started still runs
  local pid time
  { read -r pid time <"$1"; } 2>/dev/null || return 0
  if [ "$(start_time "$pid")" = "$time" ]; then echo "$pid"; fi
}
pid_of() { cut -d' ' -f1 "$STATE/$1/$2.pid"; } # INSTANCE PROCESS

live_pids() { # INSTANCE
  local file
  for file in "$STATE/$1"/*.pid; do live_pid "$file"; done
}
any_process() { [ -n "$(live_pids "$1")" ]; }
runs() {
  local file
  [ -e "$STATE/$1/ready" ] || return 1
  for file in "$STATE/$1"/*.pid; do [ -n "$(live_pid "$file")" ] || return 1; done
}

look_up() { # INSTANCE: sets dir, address and ports, which its caller has made local
  dir=$STATE/$1
  # shellcheck disable=SC2034 # for the laboratories
  address=${YARD:+${YARD%.*}}
  address=${address:-127.0.0}.$(lab_number "$1")
  ports=()
  if [ -e "$dir/ports" ]; then mapfile -t ports <"$dir/ports"; fi
}

# --- start ---------------------------------------------------------------------

# Command prefix that drops root, if the servers can then still read their files.
drop=()
choose_user() {
  local as=(setpriv --reuid 65534 --regid 65534 --clear-groups --) file
  drop=()
  if [ "$(id -u)" -ne 0 ]; then return; fi
  for file in "${READABLE[@]}" "$STATE/."; do
    "${as[@]}" test -r "$file" 2>/dev/null || return 0
  done
  drop=("${as[@]}")
}

# Gives files to the user that the servers run as.
hand_over() { if [ ${#drop[@]} -gt 0 ]; then chown -R 65534:65534 "$@"; fi; }

# spawn PROCESS [VARIABLE=VALUE]... COMMAND...: in a session of its own, with nothing of the caller's: no terminal, no
# lock, no pipe, no environment, no folder. Its log is $dir/PROCESS.log.
spawn() {
  local as=()
  if [ -n "$YARD" ]; then as=(nsenter -t "$(cut -d' ' -f1 "$dir/net.pid")" -n -m --); fi
  begin "$1" "${as[@]}" "${drop[@]}" env -i -C / PATH="$PATH" LANG=C.UTF-8 HOME="$dir/home" "${@:2}"
}

begin() { # PROCESS COMMAND...
  local pid
  setsid "${@:2}" </dev/null >"$dir/$1.log" 2>&1 7>&- 9<&- &
  pid=$!
  echo "$pid $(start_time "$pid")" >"$dir/$1.pid"
}

# In a yard each instance is a host: a network of its own, joined to the yard's by a cable, where the only name server
# is the collector. Pages must be on loopback to be a secure context, so a relay leads from there to the instance.
plug_in() { # INSTANCE
  local number net
  number=$(lab_number "$1")
  printf 'nameserver %s\n' "$YARD" >"$dir/resolv.conf"
  # shellcheck disable=SC2016
  begin net unshare -n -m -- sh -c 'ip link set lo up && mount --bind "$1" "$(readlink -f /etc/resolv.conf)" &&
    touch "$2" && exec sleep infinity' sh "$dir/resolv.conf" "$dir/net.up"
  net=$(pid_of "$1" net)
  wait_for 5 test -e "$dir/net.up" || { cat "$dir/net.log" >&2; die "no network for $1"; }
  # The cable of an instance that was killed goes when the kernel comes to it.
  ip link delete "p$number" 2>/dev/null || true
  ip link add "p$number" type veth peer name eth0 netns "$net"
  ip link set "p$number" master yard up
  nsenter -t "$net" -n ip address add "$address/24" dev eth0
  nsenter -t "$net" -n ip link set eth0 up
  begin relay env PYTHONDONTWRITEBYTECODE=1 python3 "$HERE/lab.py" relay "$net" "${ports[@]}"
}

start() { # INSTANCE
  local dir address ports
  look_up "$1"
  rm -rf "$dir"
  mkdir -p "$dir/home"
  # shellcheck disable=SC2153
  py "$HERE/lab.py" ports "$PORTS" >"$dir/ports"
  look_up "$1"
  if [ -n "$YARD" ]; then plug_in "$1"; fi
  lab_launch "$1"
}

wait_ready() { # INSTANCE
  local dir address ports rc=0
  look_up "$1"
  lab_ready "$1" || rc=$?
  if [ -e "$dir/relay.pid" ] && [ -z "$(live_pid "$dir/relay.pid")" ]; then rc=3; fi
  return $rc
}

# serves INSTANCE PROCESS PORT PATH: waits until the process listens there and answers 200. As lab_ready returns.
serves() {
  patiently py "$HERE/lab.py" serves "$READY_LIMIT" "$3" "$4" "$(pid_of "$1" "$2")" "$STATE/$1/$2.log"
}

vars() {
  local scenario i dir address ports
  for scenario in "${SCENARIOS[@]}"; do
    for i in "${INSTANCES[@]}"; do
      runs "$i" || continue
      look_up "$i"
      lab_facts "$i" "$scenario"
    done >"$STATE/$scenario.toml"
  done
}

# Those that run already keep the passwords they were started with.
make_passwords() {
  local user
  if [ -e "$STATE/passwords" ] && [ -n "$1" ]; then return; fi
  rm -f "$STATE/passwords"
  (
    umask 077
    for user in ALICE BOB; do
      echo "${NAME^^}_${user}_PASSWORD=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')"
    done >"$STATE/passwords"
  )
}

up() {
  local i try rc others=
  need python3 flock setsid
  lab_programs
  install
  lock
  choose_user
  for i in "$@"; do stop "$i"; done
  for i in "${INSTANCES[@]}"; do if any_process "$i"; then others=1; fi; done
  make_passwords "$others"
  for i in "$@"; do start "$i"; done
  for i in "$@"; do
    for ((try = 1; ; try++)); do
      rc=0
      wait_ready "$i" || rc=$?
      if [ $rc -eq 0 ]; then break; fi
      if [ $rc -ne 3 ] || [ "$try" -eq $TRIES ]; then give_up "$i" "$@"; fi
      stop "$i"
      start "$i"
    done
    : >"$STATE/$i/ready"
  done
  vars
  unlock
}

give_up() { # INSTANCE STARTED...
  local failed=$1 i
  tail -n 20 "$STATE/$failed"/*.log >&2
  keep_logs "$failed" "${WAXSEAL_LAB_LOGS:-$CACHE/failed}"
  # Also those of this call that did come up: half a lab is no lab.
  for i in "${@:2}"; do stop "$i"; done
  vars
  die "could not start $failed; its logs are in ${WAXSEAL_LAB_LOGS:-$CACHE/failed}/$NAME-$failed"
}

# --- stop ----------------------------------------------------------------------

keep_logs() { # INSTANCE FOLDER
  local to=$2/$NAME-$1
  rm -rf "$to"
  mkdir -p "$to"
  cp "$STATE/$1"/*.log "$to/" 2>/dev/null || true
}

stop() { # INSTANCE
  local dir=$STATE/$1 port
  if [ ! -d "$dir" ]; then return; fi
  tell TERM "$1"
  wait_for "$STOP_LIMIT" gone "$1" || {
    tell KILL "$1"
    wait_for 5 gone "$1" || die "processes of $1 do not end: $dir"
  }
  # With the processes their sockets are gone; this is the proof of it. Ports that the instance never got are another
  # process's and stay open.
  if [ -e "$dir/ready" ]; then
    while read -r port; do
      wait_for 2 closed "$port" || die "something still listens on 127.0.0.1:$port"
    done <"$dir/ports"
  fi
  if [ -n "${WAXSEAL_LAB_LOGS:-}" ]; then keep_logs "$1" "$WAXSEAL_LAB_LOGS"; fi
  rm -rf "$dir"
}

tell() { # SIGNAL INSTANCE
  local pid
  for pid in $(live_pids "$2"); do kill "-$1" "$pid" 2>/dev/null || true; done
}
gone() { ! any_process "$1"; }
closed() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
wait_for() { # SECONDS COMMAND...
  local end=$((SECONDS + $1 + 1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.05
  done
}

down() {
  local i
  if [ ! -e "$STATE" ]; then return; fi
  lock
  if [ $# -gt 0 ]; then
    for i in "$@"; do stop "$i"; done
    vars
  else
    # All are told to end before any is waited for.
    for i in "${INSTANCES[@]}"; do stop "$i" & done
    for i in $(jobs -p); do wait "$i" || die "not all could be stopped: $STATE"; done
    rm -rf "$STATE"
  fi
  unlock
}

# --- the other verbs -----------------------------------------------------------

env_lines() {
  local scenario
  [ -e "$STATE/${SCENARIOS[0]}.toml" ] || die "no lab is up: $STATE"
  sed 's/^/export /' "$STATE/passwords"
  for scenario in "${SCENARIOS[@]}"; do
    printf 'export %s_VARS=%q\n' "$(tr a-z- A-Z_ <<<"$scenario")" "$STATE/$scenario.toml"
  done
}

status() {
  local i dir address ports bad=0
  for i in "$@"; do
    look_up "$i"
    if runs "$i" && curl -sf -m 5 -o /dev/null --noproxy '*' "http://127.0.0.1:${ports[0]}/"; then
      echo "$i up http://127.0.0.1:${ports[0]}"
    else
      echo "$i down"
      bad=1
    fi
  done
  return $bad
}

# The lab of a test that is killed must end too, even if this process is killed with it. So a guard in a session of its
# own waits for the end of a pipe whose other end only this process has, and it is the guard that does down.
hold() {
  local i
  for i in "${INSTANCES[@]}"; do
    if any_process "$i"; then die "a lab is up here already (see down, WAXSEAL_LAB_STATE): $STATE"; fi
  done
  # First the cache: it can take long, and leaves nothing that needs a guard.
  install
  lock
  unlock
  exec 7> >(
    trap '' TERM INT HUP
    exec setsid "$SELF" _guard >/dev/null 2>"$STATE/guard.log"
  )
  guard=$!
  trap 'exit 0' TERM INT HUP
  trap release EXIT
  up "$@"
  echo ready
  while read -r _; do :; done
}

release() {
  local rc=$?
  trap - EXIT
  trap '' TERM INT HUP
  unlock # the up that was cut short may have it, and the guard needs it
  exec 7>&-
  wait "$guard" || { cat "$STATE/guard.log" >&2; rc=1; }
  exit $rc
}

guard() {
  cat >/dev/null
  down
}

# --- words ---------------------------------------------------------------------

# The last line of every laboratory: lab_main "$@".
lab_main() {
  local verb rc=0
  [ $# -gt 0 ] || wrong "which word?"
  verb=$1
  shift
  case $verb in
    up | status | hold)
      check_instances "$@"
      [ $# -gt 0 ] || set -- "${INSTANCES[@]}"
      "$verb" "$@"
      ;;
    down)
      check_instances "$@"
      down "$@"
      ;;
    install | env | _guard)
      [ $# -eq 0 ] || wrong "$verb takes no words"
      case $verb in install) install ;; env) env_lines ;; _guard) guard ;; esac
      ;;
    -h | --help | help) usage ;;
    *)
      lab_word "$verb" "$@" || rc=$?
      [ $rc -ne 127 ] || wrong "unknown word: $verb"
      return $rc
      ;;
  esac
}

# Laboratories without words of their own.
lab_word() { return 127; }
