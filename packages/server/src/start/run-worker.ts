import { StatisticsRelay } from '@posthorn/mta'
import type { ConfigTexts } from '../config/config.ts'
import { loadConfigTexts } from '../config/load-config.ts'
import { logWriterFor } from '../log/configured-log.ts'
import { createProcessMetrics, metricsOptions } from '../metrics/process-metrics.ts'
import { openWorkerChannel } from '../workers/worker-channel.ts'
import { composeServer } from './compose.ts'
import { dataFolderAt } from './data-folder.ts'
import { becomeOwner, mailOwner } from './mail-owner.ts'
import type { RunOptions } from './run-server.ts'
import { surviveFaults } from './survive-faults.ts'

/** One of `workers = N` processes, forked by the primary. Resolves with the exit code when it was told to stop. */
export async function runWorker(options: RunOptions): Promise<number> {
  // The primary decides about the end; a terminal's Ctrl-C and systemd's SIGTERM reach the whole group.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  const channel = openWorkerChannel()
  try {
    const { atStart, current } = await channel.configuration
    const config = loadConfigTexts(atStart, options)
    const writer = logWriterFor(config)
    surviveFaults(writer.log)
    const metrics = createProcessMetrics(writer.log, metricsOptions(config))
    const owner = mailOwner(config)
    const folder = dataFolderAt(config.values.data_directory)
    const statistics = new StatisticsRelay(channel.tellActivity)
    const server = await composeServer({
      config,
      statistics,
      folder,
      log: metrics.log,
      wakeBus: channel.wakeBus,
      ...(owner === undefined ? {} : { dropPrivileges: () => becomeOwner(owner) }),
    })
    const reload = async (texts: ConfigTexts) => {
      const next = loadConfigTexts(texts, options)
      // The primary has opened the same files before it asked.
      const nextLog = writer.prepare(next)
      await server.reload(next)
      nextLog.commit()
    }
    if (JSON.stringify(current) !== JSON.stringify(atStart)) await reload(current)
    metrics.observe(server.status)
    const { promise, resolve } = Promise.withResolvers<number>()
    channel.answer(async (question) => {
      switch (question.kind) {
        case 'status':
          return await server.status()
        case 'sampleAccounts':
          return await server.sampleAccounts()
        case 'reload':
          writer.reopen()
          return await reload(question.texts)
        case 'metrics':
          return await metrics.values()
        case 'submit':
          return await server.local.submit(question.recipient, Buffer.from(question.messageBase64, 'base64'))
        case 'pickup':
          // The answer is that it has begun: mail may be long.
          return void server.local.pickup()
        case 'listQueue':
          return await server.local.listQueue(question.after)
        case 'flushQueue':
          return await server.local.flushQueue(question.what)
        case 'logins':
          return await server.logins.list(question.choice)
        case 'kick':
          return await server.logins.kick(question.choice)
        case 'stop':
          await server.stop()
          statistics.close()
          writer.flush()
          return resolve(0)
      }
    })
    channel.sayReady(server.ports)
    return await promise
  } catch (error) {
    await channel.sayFailed(error)
    return 1
  }
}
