#!/bin/bash
{% for option in options -%}
#SBATCH {{ option }}
{% endfor %}
# Written by `romnet submit`; sbatch takes it as it is.
# Asked to stop, romnet saves what it has and leaves with exit code {{ stopped }}; the job then
# queues again and goes on.
set -u

export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# Open MPI kills its ranks two of these times after a SIGTERM; until then they need a safe point.
export OMPI_MCA_odls_base_sigkill_timeout={{ grace }} PRTE_MCA_odls_base_sigkill_timeout={{ grace }}
{% if tasks %}
tasks=({{ tasks }})
{% endif %}
command=({{ command }}{{ ' "${tasks[$SLURM_ARRAY_TASK_ID]}"' if tasks }})

warned= ended= interrupted=
# Every launcher hands SIGUSR1 on to its ranks; on SIGTERM some kill them.
pass_on() { interrupted=yes; kill -USR1 "$child" 2>/dev/null; }
trap 'warned=yes; pass_on' USR1 # the time limit comes near
trap 'ended=yes; pass_on' TERM # the scheduler ends the job; it knows itself whether to queue it again

"${command[@]}" &
child=$!
while :; do
    interrupted=
    wait "$child"
    code=$?
    [[ -n $interrupted ]] || break # else only the waiting was interrupted
done

if [[ -z $ended && ($code -eq {{ stopped }} || (-n $warned && $code -gt 128)) ]]; then
    if [[ ${SLURM_RESTART_COUNT:-0} -lt {{ restarts }} ]]; then
        scontrol requeue "$SLURM_JOB_ID"
    else
        echo "stopped after ${SLURM_RESTART_COUNT} restarts; ask for more time" >&2
    fi
fi
exit "$code"
