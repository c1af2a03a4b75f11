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

/** Messages an account may hold; 0 = unlimited. */
export const quotaMessagesOf = (reader: Reader, account: number, defaultMessages: number): number =>
  readAccount(reader, account)?.quotaMessages || defaultMessages

/** What accounts without limits of their own may hold; 0 = unlimited. */
export interface DefaultQuota {
  readonly defaultQuotaBytes: number
  readonly defaultQuotaMessages: number
}

/** What is to be added. */
export interface Load {
  readonly sizeBytes: number
  readonly messages: number
}

/** For a caller that has the account's row. */
export const exceedsQuota = (
  reader: Reader,
  account: Pick<Account, 'id' | 'quotaBytes' | 'quotaMessages'>,
  load: Load,
  standard: DefaultQuota,
): boolean => {
  const limitBytes = account.quotaBytes || standard.defaultQuotaBytes
  const limitMessages = account.quotaMessages || standard.defaultQuotaMessages
  if (limitBytes === 0 && limitMessages === 0) return false
  const usage = readUsage(reader, account.id)
  return (
    (limitBytes > 0 && usage.sizeBytes + load.sizeBytes > limitBytes) ||
    (limitMessages > 0 && usage.messages + load.messages > limitMessages)
  )
}

/** Throws 'over-quota' when the load does not fit. */
export const checkQuota = (reader: Reader, account: number, load: Load, standard: DefaultQuota): void => {
  const row = readAccount(reader, account)
  if (row !== undefined && load.messages > 0 && exceedsQuota(reader, row, load, standard)) {
    throw new StoreError(
      'over-quota',
      `Cannot add ${load.messages} messages of ${load.sizeBytes} octets: quota exceeded`,
    )
  }
}
