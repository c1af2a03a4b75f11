import { fileURLToPath } from 'node:url'
import { StartError } from '../start-error.ts'
import { startPool } from '../workers/primary.ts'
import { type MailServerPorts, type ServiceName, serviceNames } from './ports.ts'
import type { ProcessStatus, Running } from './running.ts'
import type { StartParts } from './start-solo.ts'

const main = fileURLToPath(new URL('../main.ts', import.meta.url))
const answerTimeoutMs = 10_000

/** A faulty reload is an answer of the worker: the primary tells it to whoever asked. */
function firstError(answers: readonly unknown[]): string | undefined {
  for (const answer of answers)
    if (typeof answer === 'object' && answer !== null && 'error' in answer) return String(answer.error)
  return undefined
}

/** `workers = N`: N identical processes, and this one that watches over them. */
export async function startPoolRunning({ config, log, configOption }: StartParts): Promise<Running> {
  const { values } = config
  const pool = await startPool({
    count: values.workers,
    exec: main,
    args: ['worker', ...(configOption === undefined ? [] : ['--config', configOption])],
    log,
  })
  const ports = Object.fromEntries(
    serviceNames.map((name: ServiceName) => [name, values[`${name}_port`]]),
  ) as MailServerPorts
  return {
    ports,
    status: async () => (await pool.ask('status', answerTimeoutMs)) as readonly ProcessStatus[],
    reload: async () => {
      const error = firstError(await pool.ask('reload', answerTimeoutMs))
      if (error !== undefined) throw new StartError(error, 'see the log of the workers')
    },
    wake: (wake) => pool.wake(wake),
    stop: async () => await pool.stop(values.shutdown_grace + answerTimeoutMs),
  }
}
