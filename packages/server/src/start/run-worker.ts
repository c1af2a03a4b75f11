import { loadConfig } from '../config/load-config.ts'
import { logWriterFor } from '../log/configured-log.ts'
import { clusterWakeBus } from '../workers/wake-bus.ts'
import { answerPrimary, sayFailed, sayReady } from '../workers/worker-channel.ts'
import { composeServer } from './compose.ts'
import { dataFolderAt } from './data-folder.ts'
import type { RunOptions } from './run-server.ts'
import { surviveFaults } from './survive-faults.ts'

/** One of `workers = N` processes, forked by the primary. Resolves with the exit code when it was told to stop. */
export async function runWorker(options: RunOptions): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  // The primary decides about the end; a terminal's Ctrl-C reaches the whole group.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => {})
  process.on('SIGHUP', () => {})
  try {
    const config = loadConfig(options)
    const writer = logWriterFor(config)
    surviveFaults(writer.log)
    const server = await composeServer({
      config,
      folder: dataFolderAt(config.values.data_directory),
      log: writer.log,
      wakeBus: clusterWakeBus(),
    })
    answerPrimary(async (question) => {
      if (question === 'status') return await server.status()
      if (question === 'reload') {
        writer.reopen()
        return await server.reload(loadConfig(options))
      }
      await server.stop()
      writer.flush()
      resolve(0)
      return undefined
    })
    sayReady()
  } catch (error) {
    sayFailed(error)
    resolve(1)
  }
  return await promise
}
