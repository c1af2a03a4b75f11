/** A Postfix of the machine's packages in a folder of its own. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const postfixMissing =
  process.getuid?.() !== 0
    ? 'only root can start Postfix'
    : !existsSync('/usr/sbin/postfix') && 'no Postfix on this machine'

export const sbin = { PATH: `/usr/sbin:/sbin:${process.env['PATH'] ?? ''}` }

/** `start`, `stop`, `reload`; its configuration is in `folder/postfix`. */
export function runPostfix(folder: string, command: string): void {
  // It keeps what it is given as output.
  const log = join(folder, 'postfix.log')
  const line = `postfix -c ${folder}/postfix ${command} >> ${log} 2>&1 < /dev/null || :`
  execFileSync('sh', ['-c', line], { env: sbin, stdio: 'ignore', timeout: 180_000 })
}

/**
 * Each name once, with its last value. All of Postfix's daemons warn of names that come twice, its postlogd too, which
 * tells its own full socket and then waits for itself for ever, and all others for it.
 */
export function writeMainCf(folder: string, lines: readonly string[]): void {
  const settings = new Map(lines.map((line) => [line.slice(0, line.indexOf('=')).trim(), line]))
  writeFileSync(join(folder, 'postfix', 'main.cf'), `${[...settings.values()].join('\n')}\n`)
}

/** With its smtpd on a port of 127.0.0.1, and nothing chrooted. */
export const masterCf = (port: number): string => `127.0.0.1:${port} inet n - n - - smtpd\n${services}`
const services = readFileSync(new URL('../../bench/postfix-services.cf', import.meta.url), 'utf8')

/** Lines of main.cf that keep it in its folder and to itself. */
export const ownPlaces = (folder: string): readonly string[] => [
  `queue_directory = ${folder}/queue`,
  `data_directory = ${folder}/lib`,
  'inet_interfaces = 127.0.0.1',
  'inet_protocols = ipv4',
  'mail_owner = postfix',
  'setgid_group = postdrop',
  `maillog_file = ${folder}/maillog`,
  `maillog_file_prefixes = ${folder}`,
]
