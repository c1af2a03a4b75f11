import { HeaderGate } from '../receive/header-gate.ts'
import type { Tables } from '../tables/index.ts'
import { type AddressMapOptions, mapAddress } from './address-map.ts'
import { rewriteHeader } from './header-addresses.ts'

/** What becomes of a message when it leaves by SMTP. */
export interface OutgoingRewriting {
  address(address: string): string
  /** The message with another header, as it streams. */
  content(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>
}

/**
 * generic(5): our addresses in envelope and header become what the world knows, once, without recursion.
 * undefined: smtp_generic_maps is empty. Throws TableError. Postfix: smtp_generic_maps.
 */
export function createOutgoingRewriting(
  genericMaps: readonly string[],
  tables: Tables,
  site: Pick<AddressMapOptions, 'complete' | 'isLocalDomain' | 'delimiter'>,
): OutgoingRewriting | undefined {
  const opened = tables.openAll(genericMaps)
  if (opened.length === 0) return undefined
  const how: AddressMapOptions = { ...site, tables: opened, extensions: 'dropped' }
  const address = (given: string): string => mapAddress(given, how) ?? given
  const rewrites = { sender: address, recipient: address }
  return {
    address,
    content: (content) => withHeader(content, (header) => rewriteHeader(header, rewrites)),
  }
}

async function* withHeader(
  content: AsyncIterable<Uint8Array>,
  rewrite: (header: Buffer) => Buffer,
): AsyncGenerator<Uint8Array> {
  const ready: Uint8Array[] = []
  const gate = new HeaderGate((chunk) => void ready.push(chunk), rewrite)
  for await (const chunk of content) {
    void gate.push(chunk)
    yield* ready.splice(0)
  }
  void gate.finish()
  yield* ready.splice(0)
}
