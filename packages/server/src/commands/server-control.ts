import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { prepareDataFolder } from '../start/data-folder.ts'
import { mailOwner } from '../start/mail-owner.ts'
import { askServer, type ControlAnswer, successful } from './control-client.ts'
import { CommandError, exit, type Shell } from './shell.ts'
import { locateSite, locateSiteAnyhow, type SiteOptions } from './site.ts'

const startWaitMs = 60_000
const pollMs = 50

/** What `status` tells; undefined: no server. */
export async function serverStatus(shell: Shell, options: SiteOptions): Promise<ControlAnswer | undefined> {
  return askServer(locateSiteAnyhow(shell, options).folder.controlSocket, { cmd: 'status' })
}

/** Starts a server that outlives this command; resolves with its pid when it answers. */
export async function startInBackground(shell: Shell, options: SiteOptions): Promise<number> {
  const { config, folder } = locateSite(shell, options)
  if ((await askServer(folder.controlSocket, { cmd: 'status' })) !== undefined) {
    throw new CommandError('the mail system is already running')
  }
  prepareDataFolder(folder.path, mailOwner(config))
  const output = folder.outputFile
  const log = openSync(output, 'a', 0o640)
  const before = statSync(output).size
  const program = new URL('../main.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [program, 'start', '--config', config.file], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...shell.environment, POSTHORN_DATA_DIRECTORY: folder.path },
  })
  closeSync(log)
  const exited = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)))
  const deadline = Date.now() + startWaitMs
  while (Date.now() < deadline) {
    const code = await Promise.race([exited, delay(pollMs).then(() => undefined)])
    if (code !== undefined)
      throw new CommandError(readFileSync(output).subarray(before).toString().trim() || `ended with ${code}`)
    if (!(await isReady(folder.controlSocket))) continue
    child.unref()
    return child.pid ?? 0
  }
  throw new CommandError(
    `the server does not answer after ${startWaitMs / 1000} s; see ${output}`,
    exit.tempFail,
  )
}

/** A server that is starting answers, but refuses; one that fails to start hangs up. */
async function isReady(socketPath: string): Promise<boolean> {
  try {
    return (await askServer(socketPath, { cmd: 'status' }))?.ok === true
  } catch {
    return false
  }
}

/** What is said where no server answers: one that runs may have been started with another folder. */
export function notRunning(shell: Shell, options: SiteOptions): string {
  const { folder } = locateSiteAnyhow(shell, options)
  return `the server is not running: none answers in data_directory = ${folder.path} (one that was started with another folder answers to POSTHORN_DATA_DIRECTORY=FOLDER before the command)`
}

/** Resolves when the server has gone; false when none was there. */
export async function stopServer(shell: Shell, options: SiteOptions): Promise<boolean> {
  const { config, folder } = locateSiteAnyhow(shell, options)
  const answer = await askServer(folder.controlSocket, { cmd: 'stop' })
  if (answer === undefined) return false
  successful(answer)
  const pid = typeof answer['pid'] === 'number' ? answer['pid'] : 0
  const deadline = Date.now() + config.values.shutdown_grace + 20_000
  while (Date.now() < deadline) {
    if (pid > 1 && !isAlive(pid)) return true
    await delay(pollMs)
  }
  throw new CommandError(`the server (process ${pid}) does not end`, exit.tempFail)
}

/** undefined: no server. Throws CommandError with the fault of the configuration. */
export async function reloadServer(
  shell: Shell,
  options: SiteOptions,
): Promise<{ readonly changed: readonly string[]; readonly needRestart: readonly string[] } | undefined> {
  const { folder } = locateSiteAnyhow(shell, options)
  const answer = await askServer(folder.controlSocket, { cmd: 'reload' })
  if (answer === undefined) return undefined
  successful(answer)
  return { changed: words(answer['changed']), needRestart: words(answer['needRestart']) }
}

function words(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
