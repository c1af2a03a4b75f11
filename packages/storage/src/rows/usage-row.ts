import { type Account, StoreError } from '../contract.ts'
import { keyOf32, read64, tables, write64 } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { readAccount } from './account-row.ts'

export interface Usage {
  readonly sizeBytes: number
  readonly messages: number
}

export const readUsage = (reader: Reader, account: number): Usage => {
  const bytes = reader.get(keyOf32(tables.usage, account))
  return bytes === undefined
    ? { sizeBytes: 0, messages: 0 }
    : { sizeBytes: read64(bytes, 0), messages: read64(bytes, 8) }
}

export const writeUsage = (unit: Unit, account: number, usage: Usage): void => {
  const bytes = Buffer.allocUnsafe(16)
  write64(bytes, usage.sizeBytes, 0)
  write64(bytes, usage.messages, 8)
  unit.put(keyOf32(tables.usage, account), bytes)
}

export const addUsage = (unit: Unit, account: number, sizeBytes: number, messages: number): void => {
  const usage = readUsage(unit, account)
  writeUsage(unit, account, {
    sizeBytes: Math.max(0, usage.sizeBytes + sizeBytes),
    messages: Math.max(0, usage.messages + messages),
  })
}

/** Octets an account may hold; 0 = unlimited. */
export const quotaOf = (reader: Reader, account: number, defaultBytes: number): number =>
  readAccount(reader, account)?.quotaBytes || defaultBytes

/** For a caller that has the account's row. */
export const exceedsQuota = (
  reader: Reader,
  account: Pick<Account, 'id' | 'quotaBytes'>,
  sizeBytes: number,
  defaultBytes: number,
): boolean => {
  const limit = account.quotaBytes || defaultBytes
  return limit > 0 && readUsage(reader, account.id).sizeBytes + sizeBytes > limit
}

/** Throws 'over-quota' when `sizeBytes` more do not fit. */
export const checkQuota = (
  reader: Reader,
  account: number,
  sizeBytes: number,
  defaultBytes: number,
): void => {
  const limit = quotaOf(reader, account, defaultBytes)
  if (limit > 0 && readUsage(reader, account).sizeBytes + sizeBytes > limit) {
    throw new StoreError('over-quota', `Cannot add ${sizeBytes} octets: quota of ${limit} octets exceeded`)
  }
}
