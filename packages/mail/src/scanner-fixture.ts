import { createMessageScanner } from './scanner.ts'
import type { MessageSummary } from './summary.ts'

/** Scanned in pieces of so many octets. */
export const scanSplit = (message: Buffer, size: number): MessageSummary => {
  const scanner = createMessageScanner()
  for (let i = 0; i < message.length; i += size) scanner.push(message.subarray(i, i + size))
  return scanner.finish()
}
