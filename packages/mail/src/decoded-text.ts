import type { MessageSummary } from './summary.ts'
/** Decoded text of every header (RFC 2047) and text part, for searching. Nothing else (no archives). */
export function* decodedTexts(_message: Uint8Array, _summary: MessageSummary): Generator<string> {}
