#!/bin/sh
# A sweep as a Slurm array job:   sbatch --array=1-16 slurm.sh
# Behind it, on any node:         percpu-malta merge part-*.ndjson --out sweep.ndjson
#SBATCH --job-name=percpu-malta
#SBATCH --cpus-per-task=4
#SBATCH --time=01:00:00
# --resume with a file that is not there begins it, so that a task that was requeued goes on.
exec percpu-malta sweep --seeds "${SEEDS:-1..1000}" --shard auto --jobs "${SLURM_CPUS_PER_TASK:-1}" \
  --out "part-$SLURM_ARRAY_TASK_ID.ndjson" --resume
