import { keyAfter, keyOf32, keyOf64, tables } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { getLong, putLong, removeLong } from './long-value.ts'

const messageKey = (messageId: number): Buffer => keyOf64(tables.conversation, messageId)
const identifierKey = (account: number, identifier: string): Buffer =>
  Buffer.concat([keyOf32(tables.identifier, account), Buffer.from(identifier, 'base64url')])

/** The name of a message's conversation, if it has one yet. */
export const readConversation = (reader: Reader, messageId: number): string | undefined =>
  getLong(reader, messageKey(messageId))?.toString('latin1')

/** The name that was given to the conversation of an identifier (`conversationKey`) in an account. */
export const readIdentifier = (reader: Reader, account: number, identifier: string): string | undefined =>
  getLong(reader, identifierKey(account, identifier))?.toString('latin1')

/** A name never changes: what is named already stays. */
export const nameMessage = (unit: Unit, messageId: number, name: string): void => {
  const key = messageKey(messageId)
  if (unit.get(key) === undefined) putLong(unit, key, Buffer.from(name, 'latin1'))
}

export const nameIdentifier = (unit: Unit, account: number, identifier: string, name: string): void => {
  const key = identifierKey(account, identifier)
  if (unit.get(key) === undefined) putLong(unit, key, Buffer.from(name, 'latin1'))
}

export const removeConversation = (unit: Unit, messageId: number): void => {
  const key = messageKey(messageId)
  // Most have none: nobody asked.
  removeLong(unit, key)
}

/** False when there were none. */
export const removeSomeIdentifiers = (unit: Unit, account: number, limit: number): boolean => {
  const start = keyOf32(tables.identifier, account)
  const keys = Array.from(unit.range({ start, end: keyAfter(start), limit }), ({ key }) => Buffer.from(key))
  for (const key of keys) removeLong(unit, key)
  return keys.length > 0
}
