import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { mustRun } from '../clients/run-client.ts'

const script = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'bench', 'peers.sh')

export interface Peers {
  readonly smtpPort: number
  readonly submissionPort: number
  readonly imapPort: number
  /** Folder of Postfix's main.cf, for `postconf -c`. */
  readonly postfixFolder: string
  /** Maildirs of its users by local part; the owner is uid 5000. */
  readonly mailFolder: string
  stop(): Promise<void>
}

/** What the script adds to its base. */
const places = [25, 587, 143, 993, 110, 995]

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** From the wanted base on, where nobody listens: other tests, and other servers, may be at work. */
async function freeBase(wanted: number): Promise<number> {
  for (let base = wanted; base < wanted + 4_000; base += 41) {
    const free = await Promise.all(places.map((place) => isFree(base + place)))
    if (free.every(Boolean)) return base
  }
  throw new Error(`no free ports from ${wanted} on`)
}

/** A private Postfix + Dovecot on loopback: domain bench.test, users u0…u99, alice, bob; password `secret`. */
export async function startPeers(
  wantedBase: number,
  format: 'maildir' | 'mdbox' | 'sdbox' = 'maildir',
): Promise<Peers> {
  const portBase = await freeBase(wantedBase)
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-peers-'))
  await mustRun('chmod', ['755', folder])
  // The daemons keep what they are given as output: a file, or the script would never seem to end.
  await mustRun('bash', ['-c', `"${script}" "${folder}" ${format} > "${folder}/up.log" 2>&1 < /dev/null`], {
    env: { PORTBASE: String(portBase), PATH: `/usr/sbin:/sbin:${process.env['PATH'] ?? ''}` },
  })
  return {
    smtpPort: portBase + 25,
    submissionPort: portBase + 587,
    imapPort: portBase + 143,
    postfixFolder: join(folder, 'postfix'),
    mailFolder: join(folder, 'mail'),
    stop: async () => {
      await mustRun(script, ['down', folder], {
        env: { PATH: `/usr/sbin:/sbin:${process.env['PATH'] ?? ''}` },
      })
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
