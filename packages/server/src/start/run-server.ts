/**
 * `posthorn start`: one process, or a primary with `workers` of them. Stands in the foreground until SIGTERM
 * or SIGINT; SIGHUP reads configuration, tables and certificate anew. What an administrator must mend is
 * thrown as StartError before anything listens.
 */
import { type Config, compareConfigs } from '../config/config.ts'
import { loadConfig } from '../config/load-config.ts'
import { serveControl } from '../control/control-server.ts'
import { logWriterFor } from '../log/configured-log.ts'
import type { LogWriter } from '../log/log-writer.ts'
import { loadKeyPair } from '../tls/key-pair.ts'
import { type DataFolder, prepareDataFolder, takeDataFolder } from './data-folder.ts'
import { makeSampleAccounts } from './first-run.ts'
import { firstRunText, portsText } from './greeting.ts'
import type { Running } from './running.ts'
import { startPoolRunning } from './start-pool.ts'
import { startSolo } from './start-solo.ts'

export interface RunOptions {
  /** `--config FILE`. */
  readonly configOption?: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
}

interface Frame {
  readonly options: RunOptions
  readonly folder: DataFolder
  readonly writer: LogWriter
  readonly running: Running
  config: Config
}

async function reload(
  frame: Frame,
): Promise<{ readonly changed: readonly string[]; readonly needRestart: readonly string[] }> {
  const { log } = frame.writer
  frame.writer.reopen()
  try {
    const next = loadConfig(frame.options)
    const difference = compareConfigs(frame.config, next)
    await frame.running.reload(next)
    frame.config = next
    for (const warning of next.warnings) log({ level: 'warning', service: 'master', text: warning })
    const restart =
      difference.needRestart.length === 0
        ? ''
        : `; a restart is needed for: ${difference.needRestart.join(', ')}`
    log({
      level: 'info',
      service: 'master',
      text: `reload -- version ${next.values.mail_version}, configuration ${next.file}${restart}`,
    })
    return difference
  } catch (error) {
    log({
      level: 'error',
      service: 'master',
      text: `reload refused, the old configuration stays: ${error instanceof Error ? error.message : String(error)}`,
    })
    throw error
  }
}

/** Runs until told to stop; resolves with the exit code. */
export async function runServer(options: RunOptions): Promise<number> {
  const config = loadConfig(options)
  const { values } = config
  const folder = prepareDataFolder(values.data_directory)
  const release = await takeDataFolder(folder)
  const writer = logWriterFor(config)
  try {
    await loadKeyPair(
      { certFile: values.smtpd_tls_cert_file, keyFile: values.smtpd_tls_key_file },
      folder.path,
      values.myhostname,
      Date.now(),
    )
    const samples = await makeSampleAccounts(config, folder, writer.log)
    const start = values.workers > 1 ? startPoolRunning : startSolo
    const running = await start({ config, folder, log: writer.log, configOption: options.configOption })
    const frame: Frame = { options, folder, writer, running, config }
    for (const warning of config.warnings) writer.log({ level: 'warning', service: 'master', text: warning })
    writer.log({
      level: 'info',
      service: 'master',
      text: `daemon started -- version ${values.mail_version}, configuration ${config.file}`,
    })
    process.stdout.write(
      firstRunText(samples, running.ports, {
        dataFolder: folder.path,
        mainCf: config.file,
        hostname: values.myhostname,
      }),
    )
    await untilStopped(frame)
    return 0
  } finally {
    writer.flush()
    release()
  }
}

async function untilStopped(frame: Frame): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const control = await serveControl(frame.folder.controlSocket, {
    status: async () => ({
      version: frame.config.values.mail_version,
      pid: process.pid,
      mainCf: frame.config.file,
      dataFolder: frame.folder.path,
      ports: frame.running.ports,
      processes: await frame.running.status(),
    }),
    reload: async () => await reload(frame),
    stop: () => resolve('posthorn stop'),
    wake: (wake) => frame.running.wake(wake),
  })
  process.on('SIGTERM', () => resolve('SIGTERM'))
  process.on('SIGINT', () => resolve('SIGINT'))
  process.on('SIGHUP', () => void reload(frame).catch(() => {}))
  process.stdout.write(`Posthorn is ready: ${portsText(frame.running.ports)}. Ctrl-C stops it.\n`)
  const why = await promise
  frame.writer.log({ level: 'info', service: 'master', text: `terminating on ${why}` })
  await frame.running.stop()
  await control.close()
}
