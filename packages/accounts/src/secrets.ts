import { makeScramVerifier } from '@posthorn/sasl'
import type { Account } from '@posthorn/storage'
import { AccountError } from './account-error.ts'
import type { NewAccount } from './accounts.ts'
import type { CompleteOptions } from './options.ts'
import { hashPassword, maxPasswordOctets, preparePassword } from './password.ts'
import { storedPasswordProblem } from './schemes/stored-password.ts'

/** What an account keeps of its password. */
export type Secrets = Required<Pick<Account, 'passwordHash' | 'scramVerifier'>>

/** Throws AccountError. */
export async function secretsOf(password: string | Uint8Array, options: CompleteOptions): Promise<Secrets> {
  if (password.length === 0) throw new AccountError('invalid-password', 'The password is empty')
  if (password.length > maxPasswordOctets) {
    throw new AccountError('invalid-password', `The password is longer than ${maxPasswordOctets} octets`)
  }
  const prepared = preparePassword(password)
  const { scramIterations } = options
  return {
    passwordHash: await hashPassword(prepared, options),
    scramVerifier: scramIterations === 0 ? '' : await makeScramVerifier(prepared, scramIterations),
  }
}

/** Of a password, or of what another system kept of one. Throws AccountError. */
export async function secretsOfNew(
  { password, storedPassword }: Pick<NewAccount, 'password' | 'storedPassword'>,
  options: CompleteOptions,
): Promise<Secrets> {
  if (storedPassword === undefined) return secretsOf(password, options)
  const problem = storedPassword === '' ? undefined : storedPasswordProblem(storedPassword)
  if (problem !== undefined)
    throw new AccountError('invalid-password', `The password is of no use: ${problem}`)
  return { passwordHash: storedPassword, scramVerifier: '' }
}
