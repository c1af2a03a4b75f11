import { execFileSync } from 'node:child_process'
import { existsSync, renameSync } from 'node:fs'
import type { Config } from '../../config/config.ts'
import { errorCode } from '../../start-error.ts'
import { reloadServer } from '../server-control.ts'
import { CommandError, exit, type Shell } from '../shell.ts'
import type { SiteOptions } from '../site.ts'

/**
 * Renames the log, has the server open a new one, compresses the old. Gives the name of the old one. Postfix:
 * postfix logrotate, maillog_file_rotate_suffix.
 */
export async function rotateLog(config: Config, shell: Shell, site: SiteOptions): Promise<string> {
  const {
    maillog_file: file,
    maillog_file_rotate_suffix: suffix,
    maillog_file_compressor: program,
  } = config.values
  if (file === '' || file === '/dev/stdout')
    throw new CommandError('maillog_file is not set: there is no log file to rotate', exit.failure)
  if (!existsSync(file)) throw new CommandError(`${file}: no such file`, exit.failure)
  const old = `${file}.${formatSuffix(suffix, shell.now())}`
  if (existsSync(old)) throw new CommandError(`${old} is there already`, exit.failure)
  try {
    renameSync(file, old)
  } catch (error) {
    throw new CommandError(`${file}: cannot be renamed: ${errorCode(error)}`, exit.failure)
  }
  await reloadServer(shell, site)
  if (program === '') return old
  try {
    execFileSync(program, [old], { stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    throw new CommandError(
      `${old} is rotated, and ${program} cannot compress it: ${error instanceof Error ? error.message : String(error)}`,
      exit.failure,
    )
  }
  return old
}

/** strftime(3) of what a file's name needs. */
export function formatSuffix(format: string, nowMs: number): string {
  const at = new Date(nowMs)
  const two = (value: number): string => String(value).padStart(2, '0')
  const parts: Readonly<Record<string, string>> = {
    Y: String(at.getFullYear()),
    m: two(at.getMonth() + 1),
    d: two(at.getDate()),
    H: two(at.getHours()),
    M: two(at.getMinutes()),
    S: two(at.getSeconds()),
    s: String(Math.floor(nowMs / 1000)),
    '%': '%',
  }
  return format.replaceAll(/%(.)/g, (whole, letter: string) => parts[letter] ?? whole)
}
