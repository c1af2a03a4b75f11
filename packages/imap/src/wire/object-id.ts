/** OBJECTID. RFC 8474. */
import type { MessageId } from '@posthorn/storage'

/** `M12`: a letter first, so that no client takes it for a message number. RFC 8474 §8.1. */
export function emailId(messageId: number): string {
  return `M${messageId}`
}

/** undefined: no message ever has this id. RFC 8474 §6. */
export function messageIdOf(objectId: string): MessageId | undefined {
  if (!/^M[1-9][0-9]{0,15}$/.test(objectId)) return undefined
  const number = Number(objectId.slice(1))
  return Number.isSafeInteger(number) ? (number as MessageId) : undefined
}

/** The same for all messages of a conversation. RFC 8474 §5.2. @param name of `MessageBatch.conversations` */
export function threadId(name: string): string {
  return `T${name}`
}

/** undefined: no message ever has this id. */
export function conversationOfThread(objectId: string): string | undefined {
  return objectId.startsWith('T') ? objectId.slice(1) : undefined
}
