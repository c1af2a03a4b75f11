import type { Account, AccountId } from '../contract.ts'
import { keyOf32, keyOfText, tables } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { getJson, putJson, removeLong } from './long-value.ts'

export const accountKey = (id: number): Buffer => keyOf32(tables.account, id)
export const accountAddressKey = (address: string): Buffer => keyOfText(tables.accountByAddress, address)

export const readAccount = (reader: Reader, id: number): Account | undefined =>
  getJson(reader, accountKey(id)) as Account | undefined

export const findAccountId = (reader: Reader, address: string): AccountId | undefined =>
  reader.get(accountAddressKey(address))?.readUInt32BE(0) as AccountId | undefined

export const writeAccount = (unit: Unit, account: Account): void => {
  putJson(unit, accountKey(account.id), account)
  const value = Buffer.allocUnsafe(4)
  value.writeUInt32BE(account.id)
  unit.put(accountAddressKey(account.address), value)
}

export const removeAccount = (unit: Unit, account: Account): void => {
  unit.remove(accountAddressKey(account.address))
  removeLong(unit, accountKey(account.id))
  unit.remove(keyOf32(tables.usage, account.id))
}
