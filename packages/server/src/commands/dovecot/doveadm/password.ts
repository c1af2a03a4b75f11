import { makePassword, passwordMakers, storedPasswordProblem, verifyStored } from '@posthorn/accounts'
import { CommandError, exit } from '../../shell.ts'
import { type Call, usageFault, wrongArguments } from './call.ts'

/** Hashes for passwd-files and `posthorn user import`. Dovecot: doveadm-pw(1). */
export async function pw(call: Call): Promise<number> {
  const { shell, options } = call
  if (options.rest.length > 0) throw usageFault(call)
  if (options.has('l')) {
    shell.out(`${passwordMakers.join(' ')}\n`)
    return exit.ok
  }
  const tested = options.value('t')
  const scheme = (options.value('s') ?? 'CRYPT').toUpperCase()
  if (tested === undefined && !passwordMakers.includes(scheme))
    throw new CommandError(`Unknown scheme: ${scheme}`, wrongArguments)
  const rounds = options.value('r')
  if (rounds !== undefined && !/^\d{1,7}$/.test(rounds))
    throw new CommandError(`Invalid number of rounds: ${rounds}`, wrongArguments)
  const password = Buffer.from(await passwordOf(call, tested === undefined ? 'twice' : 'once'))
  if (tested !== undefined) {
    await verify(tested, password)
    shell.out(`${tested} (verified)\n`)
    return exit.ok
  }
  const made = `{${scheme}}${await makePassword(scheme, password, rounds === undefined ? undefined : Number(rounds))}`
  if (options.has('V')) await verify(made, password)
  shell.out(`${made}${options.has('V') ? ' (verified)' : ''}\n`)
  return exit.ok
}

async function verify(stored: string, password: Buffer): Promise<void> {
  const problem = storedPasswordProblem(stored)
  if (problem !== undefined) throw new CommandError(`reverse decode check failed: ${problem}`, wrongArguments)
  if (!(await verifyStored(stored, password)))
    throw new CommandError('reverse password verification check failed: Password mismatch', wrongArguments)
}

async function passwordOf({ shell, options }: Call, often: 'once' | 'twice'): Promise<string> {
  const given = options.value('p')
  if (given !== undefined) return given
  const typed = await shell.ask(
    often === 'once' ? 'Enter password to verify: ' : 'Enter new password: ',
    'hidden',
  )
  if (typed === undefined) throw new CommandError('no password, and no terminal to ask at', wrongArguments)
  if (often === 'twice' && (await shell.ask('Retype new password: ', 'hidden')) !== typed)
    throw new CommandError("Passwords don't match!", wrongArguments)
  return typed
}
