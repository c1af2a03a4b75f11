import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../free-port.ts'
import { eventually } from '../mail-server.ts'
import { Marionette } from './marionette.ts'

export interface Thunderbird {
  /** Runs the body of an async function in its privileged context; `args` is an array there. */
  run(body: string, ...args: readonly unknown[]): Promise<unknown>
  stop(): Promise<void>
}

const preferences: Readonly<Record<string, string | number | boolean>> = {
  'app.update.enabled': false,
  'app.donation.eoy.version.viewed': 999,
  'datareporting.policy.dataSubmissionPolicyBypassNotification': true,
  'mail.provider.suppress_dialog_on_startup': true,
  'mail.rights.version': 1,
  'mail.shell.checkDefaultClient': false,
  'mail.spotlight.firstRunDone': true,
  'mailnews.start_page.enabled': false,
  // Questions to the person at the screen would wait for ever.
  // Copies made in the background would end IDLE at any moment.
  'mail.server.default.autosync_offline_stores': false,
  'mail.server.default.offline_download': false,
  'mail.warn_on_send_accel_key': false,
  'mail.purge.ask': false,
  'network.proxy.type': 0,
  'toolkit.telemetry.enabled': false,
}

/** Debian's Thunderbird on a virtual screen, with a profile of its own. */
export async function startThunderbird(): Promise<Thunderbird> {
  const home = mkdtempSync(join(tmpdir(), 'posthorn-thunderbird-'))
  const profile = join(home, 'profile')
  mkdirSync(profile)
  const port = await freePort()
  const lines = Object.entries({ ...preferences, 'marionette.port': port }).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
  )
  writeFileSync(join(profile, 'user.js'), lines.join(''))
  const screen = await startScreen(home)
  const program = spawn(
    'thunderbird',
    ['--no-remote', '-marionette', '-remote-allow-system-access', '-profile', profile],
    {
      env: { PATH: process.env['PATH'] ?? '', HOME: home, LANG: 'C.UTF-8', DISPLAY: screen.name },
      stdio: 'ignore',
      detached: true,
    },
  )
  const marionette = await eventually('Thunderbird', () => Marionette.connect(port), 90_000)
  await marionette.run(prelude)
  return {
    run: (body, ...args) => marionette.run(body, args),
    stop: async () => {
      marionette.close()
      await end(program)
      await end(screen.process)
      rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
    },
  }
}

/** Names that the scripts use. */
const prelude = `
  const { MailServices } = ChromeUtils.importESModule('resource:///modules/MailServices.sys.mjs')
  globalThis.MailServices = MailServices
  // The certificate of the server under test is its own.
  Cc['@mozilla.org/security/certoverride;1']
    .getService(Ci.nsICertOverrideService)
    .setDisableAllSecurityChecksAndLetAttackersInterceptMyData(true)
`

async function startScreen(home: string): Promise<{ name: string; process: ChildProcess }> {
  const numberFile = join(home, 'screen')
  const process = spawn(
    'bash',
    ['-c', `exec Xvfb -displayfd 3 -screen 0 1280x800x24 -nolisten tcp 3> ${numberFile}`],
    { stdio: 'ignore', detached: true },
  )
  const number = await eventually('the screen', async () => {
    const text = readIfThere(numberFile).trim()
    return text === '' ? undefined : text
  })
  return { name: `:${number}`, process }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** With its helpers: each is the leader of a process group. */
async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  process.kill(-child.pid, 'SIGKILL')
  await gone
}
