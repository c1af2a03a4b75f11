/** A Postfix of the machine's packages in a folder of its own. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
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
  execFileSync('sh', ['-c', line], { env: sbin, stdio: 'ignore' })
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** With its smtpd on a port of 127.0.0.1, and nothing chrooted. */
export const masterCf = (port: number): string => `127.0.0.1:${port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`
