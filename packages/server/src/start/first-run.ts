import { randomBytes } from 'node:crypto'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Accounts } from '@posthorn/accounts'
import type { DataFolder } from './data-folder.ts'
import type { SampleAccount } from './greeting.ts'

/** Letters and digits that nobody mistakes for one another when copying by hand. */
const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789'

/** 16 characters of 5 bits each, in groups: `k7mw-…`. */
export function randomPassword(): string {
  const letters = [...randomBytes(16)].map((byte) => alphabet[byte % alphabet.length])
  return [0, 4, 8, 12].map((from) => letters.slice(from, from + 4).join('')).join('-')
}

const sampleNames = ['alice', 'bob']

/** While it is there, the first start has not succeeded yet: a faulty main.cf must not cost the welcome. */
const markerOf = (folder: DataFolder): string => join(folder.path, 'first-start')

/** Is this the first start on the folder? To be asked before the store is made. */
export function isFirstStart(folder: DataFolder): boolean {
  if (existsSync(markerOf(folder))) return true
  if (existsSync(folder.storeFolder)) return false
  writeFileSync(markerOf(folder), '', { mode: 0o600 })
  return true
}

export function endFirstStart(folder: DataFolder): void {
  rmSync(markerOf(folder), { force: true })
}

/** Two accounts, so that there is something to try. One that was made and never shown gets another password. */
export async function makeSampleAccounts(
  accounts: Accounts,
  domain: string,
): Promise<readonly SampleAccount[]> {
  const made: SampleAccount[] = []
  for (const name of sampleNames) {
    const address = `${name}@${domain}`
    const password = randomPassword()
    if ((await accounts.find(address)) === undefined) await accounts.create({ address, password })
    else await accounts.setPassword(address, password)
    made.push({ address, password })
  }
  return made
}
