#!/usr/bin/env bash
# Brings up a control plane with three members and shows a Deployment land where its policy says, and another one where there is room.
#
#   demo.sh up     build nothing, start everything, leave it running; may be run again
#   demo.sh down   stop everything; the next up finds it again
#
# BIN        folder with longshore, longshore-scheduler and the other programs (default: bin of the repository)
# DEMO_DIR   folder for state, keys, data and logs (default: that of `longshore local`)
# TIMEOUT    how long each step may take (default: 180s)
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bin=${BIN:-$PWD/bin}
dir=${DEMO_DIR:-${XDG_STATE_HOME:-$HOME/.local/state}/longshore}
timeout=${TIMEOUT:-180s}
members=(member1 member2 member3)
programs=(longshore-controller-manager longshore-estimator longshore-scheduler)
step="beginning"

# The demo must not depend on, or touch, the clusters of the person who runs it.
export KUBECONFIG=$dir/control-plane.kubeconfig
umask 077

say() { step=$1; printf '\n\033[1m==> %s\033[0m\n' "$1"; }
[[ -t 1 ]] || say() { step=$1; printf '\n==> %s\n' "$1"; }

longshore() { "$bin/longshore" "$@"; }
in_member() { kubectl --kubeconfig "$dir/$1.kubeconfig" "${@:2}"; }

# explain shows what a person would look at first. Each look may itself fail: the control plane may be what is broken.
explain() {
  local code=$?
  trap - ERR
  set +e
  {
    printf '\ndemo: failed while %s (exit code %d)\n' "$step" "$code"
    if kubectl get --raw /readyz >/dev/null 2>&1; then
      printf '\n--- clusters, bindings, works\n'
      kubectl get clusters,resourcebindings,works --all-namespaces -o wide
      printf '\n--- conditions that are not True\n'
      kubectl get clusters,resourcebindings,works --all-namespaces -o go-template="$(cat test/demo/conditions.tmpl)"
      printf '\n--- last events\n'
      kubectl get events --all-namespaces --sort-by=.lastTimestamp 2>/dev/null | tail -n 15
    fi
    for log in "$dir"/programs/*.log; do
      [[ -f $log ]] || continue
      printf '\n--- end of %s\n' "$log"
      tail -n 15 "$log"
    done
    printf '\nWhat was started still runs: "%s/longshore local status --dir %s" shows it, "make demo-down" stops it.\n' "$bin" "$dir"
  } >&2
  exit "$code"
}

# need refuses to begin what cannot end well.
need() {
  local tool
  for tool in kubectl awk; do
    command -v "$tool" >/dev/null || { echo "demo: $tool is missing: install it and run again" >&2; exit 1; }
  done
  for tool in longshore "${programs[@]}"; do
    [[ -x $bin/$tool ]] || { echo "demo: $bin/$tool is missing: run \"make build\"" >&2; exit 1; }
  done
}

# account_kubeconfig writes a kubeconfig for a service account, unless there is one that works.
account_kubeconfig() {
  local account=$1 file=$dir/$1.kubeconfig server ca token
  if [[ -f $file ]] && kubectl --kubeconfig "$file" auth whoami >/dev/null 2>&1; then
    return
  fi
  server=$(kubectl config view --minify --raw -o jsonpath='{.clusters[0].cluster.server}')
  ca=$(kubectl config view --minify --raw -o jsonpath='{.clusters[0].cluster.certificate-authority-data}')
  token=$(kubectl create token "$account" --namespace karmada-system --duration 8760h)
  cat >"$file" <<KUBECONFIG
apiVersion: v1
kind: Config
current-context: $account
clusters: [{name: control-plane, cluster: {server: "$server", certificate-authority-data: "$ca"}}]
users: [{name: $account, user: {token: "$token"}}]
contexts: [{name: $account, context: {cluster: control-plane, user: $account}}]
KUBECONFIG
}

# start_program runs one of our programs with the rights of its service account. The last argument is the flag that takes its kubeconfig.
start_program() {
  local port='{port}'
  # Commands that ask the scheduler look at its default port first.
  [[ $1 != longshore-scheduler ]] || listens 10351 || port=10351
  account_kubeconfig "$1"
  longshore local start "$1" --dir "$dir" --ready-timeout "$timeout" --ready-url "https://127.0.0.1:$port/readyz" -- \
    "$bin/$1" --bind-address 127.0.0.1 --secure-port "$port" "${@:2}" "$dir/$1.kubeconfig"
}

# listens tells whether anybody does at the port.
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start_programs runs all of them. The estimator is reached through a socket that only this user can open.
start_programs() {
  cat >"$dir/scheduler.yaml" <<CONFIGURATION
apiVersion: scheduler.longshore.dev/v1alpha1
kind: SchedulerConfiguration
profiles:
- estimators:
    servers:
    - address: unix://$dir/estimator.sock
CONFIGURATION
  start_program longshore-controller-manager --kubeconfig
  start_program longshore-estimator --socket "$dir/estimator.sock" --control-plane
  start_program longshore-scheduler --config "$dir/scheduler.yaml" --kubeconfig
}

# join_member gives each member the place that `longshore local` pretends for it: columns PROVIDER, REGION and ZONE of its status.
join_member() {
  local place
  read -ra place < <(longshore local status --dir "$dir" | awk -v name="$1" '$1 == name {print $5, $6, $7}') || true
  if ((${#place[@]} != 3)); then
    echo "demo: \"longshore local status\" does not list $1" >&2
    return 1
  fi
  longshore join "$1" --cluster-kubeconfig "$dir/$1.kubeconfig" \
    --cluster-provider "${place[0]}" --cluster-region "${place[1]}" --cluster-zones "${place[2]}"
}

up() {
  need
  say "starting a control plane and three members"
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  longshore local up --dir "$dir" --members "${#members[@]}"

  say "starting controllers, estimator and scheduler"
  kubectl apply -f deploy/namespace.yaml -f deploy/controller-manager.yaml -f deploy/estimator-control-plane.yaml -f deploy/scheduler.yaml
  start_programs

  say "joining the members"
  local member
  for member in "${members[@]}"; do
    join_member "$member"
  done
  kubectl wait --for=condition=Ready --timeout="$timeout" "${members[@]/#/cluster/}"

  say "applying samples/nginx"
  cat samples/nginx/propagationpolicy.yaml
  kubectl apply --namespace default -f samples/nginx

  say "waiting until all replicas are ready in the members"
  kubectl wait --namespace default --for=jsonpath='{.status.readyReplicas}'=5 --timeout="$timeout" deployment/nginx
  kubectl rollout status --namespace default --timeout="$timeout" deployment/nginx
  show
  follow_room
  say "everything runs; go on by hand"
  guide
}

# estimate asks the estimator what fits.
estimate() { longshore estimate -f samples/dynamic-weight/deployment.yaml --estimator "unix://$dir/estimator.sock" "$@"; }

# fit prints how many replicas fit in a member.
fit() { estimate --members "$1" | awk 'END {print $2}'; }

# all_known fails while there is a member about which the estimator knows nothing yet.
all_known() { ! estimate | awk 'NR > 2 && $2 == "-"' | grep -q .; }

# fits_otherwise fails while as many replicas fit in a member as before.
fits_otherwise() { [[ $(fit "$1") != "$2" ]]; }

# await repeats a check until it succeeds, for a minute at most.
await() {
  local began=$SECONDS
  until "$@"; do
    ((SECONDS - began < 60)) || { echo "demo: after a minute still not: $*" >&2; return 1; }
  done
}

# follow_room cordons a node, waits until the estimate follows, and shows replicas go where there is room.
follow_room() {
  local before began
  say "asking the estimator what fits"
  await all_known
  estimate
  say "cordoning a node of member1: the estimate follows"
  before=$(fit member1)
  began=$(date +%s%N)
  in_member member1 cordon node-3
  await fits_otherwise member1 "$before"
  echo "seen $((($(date +%s%N) - began) / 1000000)) ms after the command began"
  estimate

  say "applying samples/dynamic-weight: replicas go where there is room"
  kubectl apply --namespace default -f samples/dynamic-weight
  kubectl wait --namespace default --for=jsonpath='{.status.readyReplicas}'=9 --timeout="$timeout" deployment/elastic
  placement elastic
  in_member member1 uncordon node-3
}

# placement prints where the scheduler put the replicas of a Deployment.
placement() {
  { echo "CLUSTER REPLICAS"
    kubectl get --namespace default resourcebinding "$1-deployment" \
      -o jsonpath='{range .spec.clusters[*]}{.name}{" "}{.replicas}{"\n"}{end}'; } | awk '{printf "%-12s %s\n", $1, $2}'
}

show() {
  local member
  say "control plane: kubectl get deployment nginx"
  kubectl get --namespace default deployment nginx
  say "placement: where the scheduler put the replicas"
  placement nginx
  for member in "${members[@]}"; do
    say "$member: kubectl get pods"
    in_member "$member" get --namespace default pods -l app=nginx -o wide
  done
}

guide() {
  local where=${DEMO_DIR:+ --dir $dir} stop=${DEMO_DIR:+DEMO_DIR=$dir }
  cat <<GUIDE
  export KUBECONFIG=$dir/kubeconfig          # contexts: control-plane ${members[*]}
  export PATH=$bin:\$PATH

  kubectl scale deployment nginx --replicas 10
  kubectl get deployment,resourcebinding,work --all-namespaces
  longshore explain deployment nginx          # why it runs where it runs
  kubectl --context member1 get pods
  kubectl get clusters -o wide
  longshore estimate -f samples/dynamic-weight/deployment.yaml --estimator unix://$dir/estimator.sock --watch
  longshore cordon member1                    # nothing new goes there; "longshore uncordon member1" ends it
  kubectl apply -f samples/app                # more to try: ls samples
  longshore local status$where

  ${stop}make demo-down                              # stop everything
GUIDE
}

down() {
  [[ -x $bin/longshore ]] || { echo "demo: $bin/longshore is missing: run \"make build\"" >&2; exit 1; }
  longshore local down --dir "$dir"
  echo "Stopped. \"make demo\" finds everything again; \"$bin/longshore local down --purge --dir $dir\" forgets it."
}

trap explain ERR
set -E
case ${1:-} in
  up) up ;;
  down) down ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
