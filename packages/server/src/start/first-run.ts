import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createAccounts } from '@posthorn/accounts'
import type { Log } from '@posthorn/mail'
import { openStore } from '@posthorn/storage'
import type { Config } from '../config/config.ts'
import { accountOptions } from '../services/account-options.ts'
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

/**
 * The first start on an empty data folder makes two accounts, so that there is something to try.
 * Nothing is made when the store is there already, or with `sample_accounts = no`.
 */
export async function makeSampleAccounts(
  config: Config,
  folder: DataFolder,
  log: Log,
): Promise<readonly SampleAccount[]> {
  if (!config.values.sample_accounts || existsSync(join(folder.storeFolder))) return []
  const store = await openStore({ directory: folder.storeFolder })
  try {
    const accounts = createAccounts({
      store,
      now: Date.now,
      log,
      options: () => accountOptions(config.values),
    })
    const made: SampleAccount[] = []
    for (const name of sampleNames) {
      const password = randomPassword()
      const { account } = await accounts.create({
        address: `${name}@${config.values.auth_default_realm}`,
        password,
      })
      made.push({ address: account.address, password })
    }
    return made
  } finally {
    await store.close()
  }
}
