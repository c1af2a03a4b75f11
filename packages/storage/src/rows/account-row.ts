import { type Account, type AccountId, StoreError } from '../contract.ts'
import { keyOf32, keyOfText, tables } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { getJson, putJson, removeLong } from './long-value.ts'
import { numberRow, readNumberRow } from './seal.ts'

export const accountKey = (id: number): Buffer => keyOf32(tables.account, id)
export const accountAddressKey = (address: string): Buffer => keyOfText(tables.accountByAddress, address)

export const readAccount = (reader: Reader, id: number): Account | undefined =>
  getJson(reader, accountKey(id)) as Account | undefined

/** Throws 'no-such-account'. */
export const requireAccount = (reader: Reader, account: number): Account => {
  const row = readAccount(reader, account)
  if (row !== undefined) return row
  throw new StoreError('no-such-account', `Cannot open account ${account}: it does not exist`)
}

/** Throws 'corrupt'. */
export const findAccountId = (reader: Reader, address: string): AccountId | undefined => {
  const key = accountAddressKey(address)
  const row = reader.get(key)
  return row && (readNumberRow(key, row) as AccountId)
}

export const writeAccount = (unit: Unit, account: Account): void => {
  putJson(unit, accountKey(account.id), account)
  const key = accountAddressKey(account.address)
  unit.put(key, numberRow(key, account.id))
}

export const removeAccount = (unit: Unit, account: Account): void => {
  unit.remove(accountAddressKey(account.address))
  removeLong(unit, accountKey(account.id))
  unit.remove(keyOf32(tables.usage, account.id))
}
