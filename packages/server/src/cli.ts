/**
 * Every command of the shell. `posthorn …`, and the administrators' own words (`postconf`, `mailq`,
 * `sendmail` …) by the name the program was called by, or as subcommands.
 */
import { basename } from 'node:path'
import { AccountError } from '@posthorn/accounts'
import { StoreError } from '@posthorn/storage'
import { doveconf } from './commands/dovecot/doveconf.ts'
import { dovecot } from './commands/dovecot/dovecot.ts'
import { mailq } from './commands/postfix/mailq.ts'
import { postcat } from './commands/postfix/postcat.ts'
import { postconf } from './commands/postfix/postconf.ts'
import { postfix } from './commands/postfix/postfix.ts'
import { postqueue } from './commands/postfix/postqueue.ts'
import { postsuper } from './commands/postfix/postsuper.ts'
import { sendmail } from './commands/postfix/sendmail.ts'
import { newaliases, postalias, postmap } from './commands/postfix/tables.ts'
import { posthorn } from './commands/posthorn/posthorn.ts'
import type { StartServer } from './commands/posthorn/server.ts'
import { CommandError, exit, type Shell } from './commands/shell.ts'
import { StartError } from './start-error.ts'

type Program = (args: readonly string[], shell: Shell) => Promise<number>

/** By the name of the program. */
export const programs: Readonly<Record<string, Program>> = {
  postconf,
  postfix,
  postqueue,
  postsuper,
  postcat,
  postmap,
  postalias,
  newaliases,
  mailq,
  sendmail,
  doveconf,
  dovecot,
}

/** What sendmail's callers take for "try again": Postfix ends its fatal errors so. */
const faultCodes: Readonly<Record<string, number>> = {
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
    return await posthorn(args, shell, startServer)
  } catch (error) {
    return explain(label, error, shell)
  }
}

function explain(label: string, error: unknown, shell: Shell): number {
  const fatal = label === 'posthorn' ? label : `${label}: fatal`
  if (error instanceof CommandError) {
    shell.err(`${fatal}: ${error.message}\n`)
    return error.exitCode === exit.failure ? (faultCodes[label] ?? exit.failure) : error.exitCode
  }
  if (error instanceof StartError) {
    shell.err(`${fatal}: ${error.message}\n${label}: ${error.remedy}\n`)
    return faultCodes[label] ?? exit.failure
  }
  if (error instanceof AccountError || error instanceof StoreError) {
    shell.err(`${fatal}: ${error.message}\n`)
    return faultCodes[label] ?? exit.failure
  }
  shell.err(`${fatal}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  return faultCodes[label] ?? exit.software
}
