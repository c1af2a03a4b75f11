import { getopt } from '../../getopt.ts'
import { CommandError, exit, type Shell } from '../../shell.ts'
import type { Call } from './call.ts'
import { elsewhere } from './elsewhere.ts'
import { formatNamed } from './print.ts'

type Run = (call: Call) => Promise<number>

interface Subcommand {
  /** As getopt(3) wants them. */
  readonly options: string
  /** What follows its name. */
  readonly usage: string
  readonly load: () => Promise<Run>
}

const mail = 'Au:F:S:'
const mailUsage = '[-u <user>|-A] [-S <socket_path>]'
const mailboxes = () => import('./mailbox.ts')
const server = () => import('./server.ts')
const messages = () => import('./messages.ts')
const transferUsage = `${mailUsage} <destination> [user <source user>] <search query>`
const flagsUsage = `${mailUsage} <flags> <search query>`

/** Each loads only what it needs: monitors ask `who` every minute. */
const subcommands: Readonly<Record<string, Subcommand>> = {
  'auth test': {
    options: 'a:x:M:',
    usage: '[-a <auth socket path>] [-x <auth info>] [-M <master user>] <user> [<password>]',
    load: async () => (await import('./auth.ts')).authTest,
  },
  copy: { options: mail, usage: transferUsage, load: async () => (await messages()).transfer('copy') },
  expunge: {
    options: mail,
    usage: `${mailUsage} <search query>`,
    load: async () => (await messages()).expunge,
  },
  'flags add': { options: mail, usage: flagsUsage, load: async () => (await messages()).changeFlags('add') },
  'flags remove': {
    options: mail,
    usage: flagsUsage,
    load: async () => (await messages()).changeFlags('remove'),
  },
  'flags replace': {
    options: mail,
    usage: flagsUsage,
    load: async () => (await messages()).changeFlags('replace'),
  },
  kick: {
    options: 'a:f',
    usage: '[-a <anvil socket path>] <user mask>[|]<ip/bits>',
    load: async () => (await import('./logins.ts')).kick,
  },
  'log find': { options: '', usage: '[<dir>]', load: async () => (await server()).logFind },
  'log reopen': { options: '', usage: '', load: async () => (await server()).reload },
  'mailbox create': {
    options: `${mail}sg:`,
    usage: `${mailUsage} [-s] <mailbox> [...]`,
    load: async () => (await mailboxes()).create,
  },
  'mailbox delete': {
    options: `${mail}ersZ`,
    usage: `${mailUsage} [-e] [-r] [-s] [-Z] <mailbox> [...]`,
    load: async () => (await mailboxes()).remove,
  },
  'mailbox list': {
    options: `${mail}78s`,
    usage: `${mailUsage} [-7|-8] [-s] [<mailbox mask> [...]]`,
    load: async () => (await mailboxes()).list,
  },
  'mailbox rename': {
    options: `${mail}s`,
    usage: `${mailUsage} [-s] <old name> <new name>`,
    load: async () => (await mailboxes()).rename,
  },
  'mailbox status': {
    options: `${mail}t`,
    usage: `${mailUsage} [-t] <fields> <mailbox> [...]`,
    load: async () => (await import('./mailbox-status.ts')).status,
  },
  'mailbox subscribe': {
    options: mail,
    usage: `${mailUsage} <mailbox> [...]`,
    load: async () => (await mailboxes()).subscribe,
  },
  'mailbox unsubscribe': {
    options: mail,
    usage: `${mailUsage} <mailbox> [...]`,
    load: async () => (await mailboxes()).unsubscribe,
  },
  move: { options: mail, usage: transferUsage, load: async () => (await messages()).transfer('move') },
  pw: {
    options: 'lp:r:s:t:u:V',
    usage: '[-l] [-p plaintext] [-r rounds] [-s scheme] [-t hash] [-u user] [-V]',
    load: async () => (await import('./password.ts')).pw,
  },
  'quota get': { options: mail, usage: mailUsage, load: async () => (await import('./user.ts')).quota },
  reload: { options: '', usage: '', load: async () => (await server()).reload },
  search: {
    options: mail,
    usage: `${mailUsage} <search query>`,
    load: async () => (await messages()).search,
  },
  stop: { options: '', usage: '', load: async () => (await server()).stop },
  user: {
    options: 'a:x:f:e:u',
    usage: '[-a <userdb socket path>] [-x <auth info>] [-f field] [-u] <user mask> [<user mask> [...]]',
    load: async () => (await import('./user.ts')).user,
  },
  who: {
    options: 'a:1',
    usage: '[-a <anvil socket path>] [-1] [<user mask>] [<ip/bits>]',
    load: async () => (await import('./logins.ts')).who,
  },
}

/** The words of Dovecot's administrators: exit codes and formats as of Dovecot 2.3. Dovecot: doveadm(1). */
export async function doveadm(args: readonly string[], shell: Shell): Promise<number> {
  let name = 'doveadm'
  try {
    const global = getopt(args, 'c:Df:o:vi:k', '')
    const format = global.value('f')
    const [first = '', second = ''] = global.rest
    const pair = `${first} ${second}`
    const found = subcommands[pair] ?? subcommands[first]
    name = found === subcommands[pair] ? pair : first
    if (found === undefined) return explained(shell, first, pair)
    const rest = global.rest.slice(found === subcommands[pair] ? 2 : 1)
    const run = await found.load()
    return await run({
      shell,
      site: { config: global.value('c') },
      format: format === undefined ? undefined : formatNamed(format),
      options: getopt(rest, found.options, ''),
      usage: `${name} ${found.usage}`.trimEnd(),
    })
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    if (error.notice !== undefined) {
      shell.err(`${name.split(' ').at(-1)}: ${error.notice}\n`)
      return exit.usage
    }
    shell.err(error.message.startsWith('doveadm ') ? `${error.message}\n` : `Fatal: ${error.message}\n`)
    return error.exitCode === exit.failure ? exit.tempFail : error.exitCode
  }
}

/** A subcommand that is not here: how it is done instead, or what there is. */
function explained(shell: Shell, first: string, pair: string): number {
  const instead = elsewhere[pair] ?? elsewhere[first]
  if (instead !== undefined) {
    shell.err(`doveadm ${pair in elsewhere ? pair : first}: ${instead.text}\n`)
    return instead.exitCode
  }
  const ofGroup = Object.entries(subcommands).filter(([name]) => name.startsWith(`${first} `))
  const [group, shown] =
    ofGroup.length > 0
      ? [` ${first}`, ofGroup.map(([name, sub]) => [name.slice(first.length + 1), sub] as const)]
      : ['', Object.entries(subcommands)]
  const lines = shown.map(([name, { usage }]) => `  ${name.padEnd(12)} ${usage}`.trimEnd())
  shell.err(`usage: doveadm [-Dv] [-f <formatter>]${group} <command> [<args>]\n${lines.join('\n')}\n`)
  return exit.usage
}
