#!/bin/sh
# A sweep as a Slurm array: one shard a task. Slurm numbers the tasks in SLURM_ARRAY_TASK_ID, and `--shard /8` goes by it.
#
#   cargo install --path .                           # `sim` must be on the path
#   sbatch deploy/slurm.sh scenarios/spike-sweep.toml results
#   sim merge results/shard-*                        # when the array is done; each task has a folder of its own in there
#
# A task that was requeued goes on where its journal ends: --resume.
#SBATCH --job-name=sweep
#SBATCH --array=1-8
#SBATCH --cpus-per-task=2
#SBATCH --mem=512M
#SBATCH --time=01:00:00
#SBATCH --requeue
set -eu
sweep=${1:?usage: sbatch deploy/slurm.sh SWEEP FOLDER}
folder=${2:?usage: sbatch deploy/slurm.sh SWEEP FOLDER}
exec sim sweep "$sweep" \
  --shard "/${SLURM_ARRAY_TASK_COUNT:-8}" \
  --jobs "${SLURM_CPUS_PER_TASK:-1}" \
  --out "$folder" \
  --resume
