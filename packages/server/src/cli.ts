/**
 * Every command of the shell. `posthorn …`, and the administrators' own words (`postconf`, `mailq`,
 * `sendmail` …) by the name the program was called by, or as subcommands.
 */
import { basename } from 'node:path'
import type { StartServer } from './commands/posthorn/server.ts'
import { CommandError, exit, type Shell } from './commands/shell.ts'
import { StartError } from './start-error.ts'

type Program = (args: readonly string[], shell: Shell) => Promise<number>

/** By the name of the program; each loads only what it needs, so that `mailq` answers at once. */
export const programs: Readonly<Record<string, Program>> = {
  postconf: async (...call) => (await import('./commands/postfix/postconf.ts')).postconf(...call),
  postfix: async (...call) => (await import('./commands/postfix/postfix.ts')).postfix(...call),
  postqueue: async (...call) => (await import('./commands/postfix/postqueue.ts')).postqueue(...call),
  postsuper: async (...call) => (await import('./commands/postfix/postsuper.ts')).postsuper(...call),
  postcat: async (...call) => (await import('./commands/postfix/postcat.ts')).postcat(...call),
  postmap: async (...call) => (await import('./commands/postfix/tables.ts')).postmap(...call),
  postalias: async (...call) => (await import('./commands/postfix/tables.ts')).postalias(...call),
  newaliases: async (...call) => (await import('./commands/postfix/sendmail.ts')).newaliases(...call),
  postlog: async (...call) => (await import('./commands/postfix/small-commands.ts')).postlog(...call),
  postlock: async (...call) => (await import('./commands/postfix/small-commands.ts')).postlock(...call),
  postkick: async () => (await import('./commands/postfix/small-commands.ts')).postkick(),
  postmulti: async (...call) => (await import('./commands/postfix/postmulti.ts')).postmulti(...call),
  mailq: async (...call) => (await import('./commands/postfix/mailq.ts')).mailq(...call),
  qshape: async (...call) => (await import('./commands/postfix/qshape.ts')).qshape(...call),
  mailstats: async (...call) => (await import('./commands/postfix/mailstats.ts')).mailstats(...call),
  sendmail: async (...call) => (await import('./commands/postfix/sendmail.ts')).sendmail(...call),
  doveconf: async (...call) => (await import('./commands/dovecot/doveconf.ts')).doveconf(...call),
  doveadm: async (...call) => (await import('./commands/dovecot/doveadm/doveadm.ts')).doveadm(...call),
  dovecot: async (...call) => (await import('./commands/dovecot/dovecot.ts')).dovecot(...call),
}

/** How Postfix ends its fatal errors; sendmail's callers take theirs for "try again". */
const faultCodes: Readonly<Record<string, number>> = {
  postqueue: exit.unavailable,
  sendmail: exit.tempFail,
  mailq: exit.tempFail,
  newaliases: exit.tempFail,
}

/**
 * Runs one command; resolves with its exit code. `calledAs` is argv[0] or the launcher's name.
 * Never throws for what a user did wrong.
 */
export async function runCli(
  calledAs: string,
  args: readonly string[],
  shell: Shell,
  startServer: StartServer,
): Promise<number> {
  const name = basename(calledAs).replace(/\.(?:ts|js)$/, '')
  const own = programs[name]
  const sub = own === undefined ? programs[args[0] ?? ''] : undefined
  const label = own !== undefined ? name : sub !== undefined ? (args[0] ?? '') : 'posthorn'
  try {
    if (own !== undefined) return await own(args, shell)
    if (sub !== undefined) return await sub(args.slice(1), shell)
    const { posthorn } = await import('./commands/posthorn/posthorn.ts')
    return await posthorn(args, shell, startServer)
  } catch (error) {
    return explain(label, error, shell)
  }
}

/** Kinds of AccountError; the others end with 1. */
const accountCodes: Readonly<Record<string, number>> = {
  'no-such-account': exit.noUser,
  'invalid-address': exit.dataError,
  'invalid-password': exit.dataError,
}

function explain(label: string, error: unknown, shell: Shell): number {
  const fatal = label === 'posthorn' ? label : `${label}: fatal`
  if (error instanceof CommandError) {
    if (error.notice !== undefined) shell.err(`${label}: ${error.notice}\n`)
    shell.err(`${fatal}: ${error.message}\n`)
    return error.exitCode === exit.failure ? (faultCodes[label] ?? exit.failure) : error.exitCode
  }
  if (error instanceof StartError) {
    shell.err(`${fatal}: ${error.message}\n${label}: ${error.remedy}\n`)
    return faultCodes[label] ?? exit.failure
  }
  // By name: their packages are loaded by those commands only that need them.
  if (error instanceof Error && (error.name === 'AccountError' || error.name === 'StoreError')) {
    shell.err(`${fatal}: ${error.message}\n`)
    return faultCodes[label] ?? accountCodes[(error as { kind?: string }).kind ?? ''] ?? exit.failure
  }
  shell.err(`${fatal}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  return faultCodes[label] ?? exit.software
}
