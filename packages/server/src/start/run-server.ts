/**
 * `posthorn start`: one process, or a primary with `workers` of them. Stands in the foreground until SIGTERM
 * or SIGINT; SIGHUP reads configuration, tables and certificate anew. What an administrator must mend is
 * thrown as StartError, and then nothing listens.
 */
import { statSync } from 'node:fs'
import { type Config, compareConfigs } from '../config/config.ts'
import { flushableSite } from '../config/flushable-site.ts'
import { loadConfig, masterCfFile } from '../config/load-config.ts'
import { admitsEverybody } from '../config/user-lists.ts'
import type { ControlActions } from '../control/control-server.ts'
import type { PublicActions } from '../control/public-server.ts'
import { type ConfiguredLog, logWriterFor } from '../log/configured-log.ts'
import { openOwnersLog } from '../log/log-writer.ts'
import { inOneLine, StartError } from '../start-error.ts'
import { admittedUsers } from './admitted-users.ts'
import { type DataFolder, prepareDataFolder, takeDataFolder } from './data-folder.ts'
import { endFirstStart, isFirstStart } from './first-run.ts'
import { commandName, firstRunText, portsText } from './greeting.ts'
import { asOwner, type MailOwner, mailOwner, ownerWarnings } from './mail-owner.ts'
import { maildropEntries } from './maildrop-listing.ts'
import type { Running } from './running.ts'
import type { StartParts } from './start-solo.ts'
import { createSupervisor, type Supervisor } from './supervisor.ts'

export interface RunOptions {
  /** `--config FILE`. */
  readonly configOption?: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
}

interface Frame {
  readonly options: RunOptions
  readonly folder: DataFolder
  readonly writer: ConfiguredLog
  readonly owner: MailOwner | undefined
  readonly atStart: Config
  config: Config
  /** undefined: still starting. */
  running: Running | undefined
  stopWatching: (() => Promise<void>) | undefined
  readonly supervisor: Supervisor
}

interface Reloaded {
  readonly changed: readonly string[]
  readonly needRestart: readonly string[]
}

function warn(frame: Frame, warnings: readonly string[]): void {
  for (const text of warnings) frame.writer.log({ level: 'warning', service: 'master', text })
}

function started(frame: Frame): Running {
  if (frame.running === undefined) throw new StartError('the server is starting', 'try again')
  return frame.running
}

async function reload(frame: Frame): Promise<Reloaded> {
  const { log } = frame.writer
  try {
    const running = started(frame)
    frame.supervisor.reloading()
    frame.writer.reopen()
    const next = loadConfig(frame.options)
    const { changed } = compareConfigs(frame.config, next)
    // Against what is in effect: a parameter that waits for a restart is named until then.
    const { needRestart } = compareConfigs(frame.atStart, next)
    const nextLog = frame.writer.prepare(next)
    try {
      await running.reload(next)
    } catch (error) {
      nextLog.abandon()
      throw error
    }
    nextLog.commit()
    frame.config = next
    warn(frame, next.warnings)
    const restart = needRestart.length === 0 ? '' : `; a restart is needed for: ${needRestart.join(', ')}`
    const { mail_version: version } = next.values
    log({
      level: 'info',
      service: 'master',
      text: `reload -- version ${version}, configuration ${next.file}${restart}`,
    })
    return { changed, needRestart }
  } catch (error) {
    log({
      level: 'error',
      service: 'master',
      text: `reload refused, the old configuration stays: ${inOneLine(error)}`,
    })
    throw error
  } finally {
    if (frame.running !== undefined) frame.supervisor.ready(portsText(frame.running.ports))
  }
}

/** One reload after the other: the last one that was asked for wins. */
function serialReload(frame: Frame): () => Promise<Reloaded> {
  let last: Promise<unknown> = Promise.resolve()
  return async () => {
    const next = last.then(async () => await reload(frame))
    last = next.catch(() => {})
    return await next
  }
}

function controlActions(
  frame: Frame,
  reloadNow: () => Promise<Reloaded>,
  stop: (why: string) => void,
): ControlActions {
  return {
    status: async () => {
      const running = started(frame)
      return {
        version: frame.config.values.mail_version,
        pid: process.pid,
        mainCf: frame.config.file,
        dataFolder: frame.folder.path,
        ports: running.ports,
        processes: await running.status(),
      }
    },
    stats: async () => await (await import('./watching.ts')).siteStats(started(frame)),
    reload: reloadNow,
    stop: () => stop('posthorn stop'),
    flushDomain: async (domain) => await started(frame).flushQueue({ nextHop: domain }),
    logins: async (choice) => await started(frame).logins(choice),
    kick: async (choice) => await started(frame).kick(choice),
    wake: (wake) => frame.running?.wake(wake),
  }
}

/** What users of this machine may do without being the server's own. */
function publicActions(frame: Frame): PublicActions {
  return {
    admits: (kind) => {
      const parameter = kind === 'mailq' ? 'authorized_mailq_users' : 'authorized_flush_users'
      if (admitsEverybody(frame.config, parameter)) return 'everybody'
      return admittedUsers(frame.config, parameter, frame.writer.log)
    },
    list: async (after) => await started(frame).listQueue(after),
    waiting: () => maildropEntries(frame.folder.maildrop),
    flush: async (what) => {
      await started(frame).flushQueue(what)
      if (what.queueId === undefined && what.nextHop === undefined)
        started(frame).wake({ kind: 'queue', flushed: '' })
    },
    flushable: (site) => flushableSite(frame.config, site),
    pickup: () => frame.running?.pickup(),
  }
}

/** From the first moment: the default of SIGHUP would end a server that is starting. */
function onSignals(stop: (why: string) => void, reloadNow: () => Promise<unknown>): void {
  process.on('SIGTERM', () => stop('SIGTERM'))
  process.on('SIGINT', () => stop('SIGINT'))
  process.on('SIGHUP', () => void reloadNow().catch(() => {}))
}

/** C17: whoever may write main.cf or master.cf is master of all mail. `unsafe_files = warn` lets it pass. */
function refuseOpenFiles(config: Config): void {
  for (const file of [config.file, masterCfFile(config)]) {
    const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0
    if ((mode & 0o022) === 0 || config.values.unsafe_files === 'warn') continue
    const octal = (mode & 0o7777).toString(8)
    throw new StartError(
      `${file}: group or others may write it (mode ${octal})`,
      `chmod go-w ${file}, or unsafe_files = warn`,
    )
  }
}

/** Runs until told to stop; resolves with the exit code. */
export async function runServer(options: RunOptions): Promise<number> {
  const config = loadConfig(options)
  refuseOpenFiles(config)
  const owner = mailOwner(config)
  const folder = prepareDataFolder(config.values.data_directory, owner)
  const writer = logWriterFor(config, (file, mode) => openOwnersLog(file, mode, owner))
  const frame: Frame = {
    options,
    folder,
    writer,
    owner,
    atStart: config,
    config,
    running: undefined,
    stopWatching: undefined,
    supervisor: createSupervisor(options.environment, writer.log),
  }
  const { promise: stopped, resolve: stop } = Promise.withResolvers<string>()
  const reloadNow = serialReload(frame)
  onSignals(stop, reloadNow)
  const actions = controlActions(frame, reloadNow, stop)
  const release = await takeDataFolder(folder, actions, publicActions(frame), owner)
  try {
    // Stopped while starting: nobody has been served yet, and the store is safe at any point.
    await Promise.race([start(frame), stopped])
    const why = await stopped
    writer.log({ level: 'info', service: 'master', text: `terminating on ${why}` })
    endInAnyCase(frame)
    const told = frame.supervisor.stopping()
    await frame.stopWatching?.()
    await frame.running?.stop()
    await told
    return 0
  } finally {
    writer.flush()
    await release()
  }
}

/** Beyond shutdown_grace: bodies on their way to the disk, the store. */
const closingMs = 15_000

/** What was acknowledged is on disk: a part that does not end must not keep the whole server from ending. */
function endInAnyCase({ config, writer }: Frame): void {
  const limitMs = config.values.shutdown_grace + closingMs
  setTimeout(() => {
    writer.log({
      level: 'fatal',
      service: 'master',
      text: `cannot end within ${limitMs / 1000} s: giving up`,
    })
    writer.flush()
    process.exit(1)
  }, limitMs).unref()
}

/** The primary of a pool loads nothing of the server itself. */
const runPool = async (parts: StartParts): Promise<Running> =>
  await (await import('./start-pool.ts')).startPool(parts)
const runSolo = async (parts: StartParts): Promise<Running> =>
  await (await import('./start-solo.ts')).startSolo(parts)

/** Metrics and the daily report. */
async function watch(frame: Frame, running: Running): Promise<() => Promise<void>> {
  const { startWatching } = await import('./watching.ts')
  return await startWatching({ running, config: () => frame.config, log: frame.writer.log })
}

async function start(frame: Frame): Promise<void> {
  const { config, folder, writer, owner, options } = frame
  const { values } = config
  const isFirst = asOwner(owner, () => isFirstStart(folder))
  const parts = { config, folder, log: writer.log, configOption: options.configOption }
  const running = values.workers > 1 || owner !== undefined ? await runPool(parts) : await runSolo(parts)
  frame.running = running
  // The domain of an account is ours: a null client would keep mail that is to leave.
  if (isFirst && values.sample_accounts && values.mydestination.length > 0) {
    const text = firstRunText(await running.sampleAccounts(), running.ports, {
      dataFolder: folder.path,
      mainCf: config.file,
      hostname: values.myhostname,
      command: commandName(options.environment, options.configOption),
    })
    process.stdout.write(text)
  }
  frame.stopWatching = await watch(frame, running)
  asOwner(owner, () => endFirstStart(folder))
  warn(frame, [...ownerWarnings(config), ...config.warnings])
  writer.log({
    level: 'info',
    service: 'master',
    text: `daemon started -- version ${values.mail_version}, configuration ${config.file}`,
  })
  frame.supervisor.ready(portsText(running.ports))
  process.stdout.write(`Posthorn is ready: ${portsText(running.ports)}. Ctrl-C stops it.\n`)
}
