import type { Log } from '@posthorn/mail'
import { ContentFilter } from '../checks/index.ts'
import { HeaderGate } from '../receive/header-gate.ts'
import type { Tables } from '../tables/index.ts'
import { type AddressMapOptions, mapAddress } from './address-map.ts'
import { fieldRanges, rewriteHeader } from './header-addresses.ts'

/** smtp_header_checks look at nothing else. */
const headerAlone = { mime: [], nested: [], body: [], bodyLimitBytes: 0, headerLimitBytes: 102_400 }

/** What becomes of a message when it leaves by SMTP. */
export interface OutgoingRewriting {
  address(address: string): string
  /** The message with another header, as it streams. */
  content(content: AsyncIterable<Uint8Array>, queueId: string): AsyncIterable<Uint8Array>
}

/**
 * generic(5): our addresses in envelope and header become what the world knows, once, without recursion.
 * Then smtp_header_checks edit the header. undefined: neither is set. Throws TableError. Postfix:
 * smtp_generic_maps, smtp_header_checks.
 */
export function createOutgoingRewriting(
  options: { readonly genericMaps: readonly string[]; readonly headerChecks?: readonly string[] },
  tables: Tables,
  site: Pick<AddressMapOptions, 'complete' | 'isLocalDomain' | 'delimiter'>,
  log: Log,
): OutgoingRewriting | undefined {
  const opened = tables.openAll(options.genericMaps)
  const header = tables.openAll(options.headerChecks ?? [])
  if (opened.length === 0 && header.length === 0) return undefined
  const how: AddressMapOptions = { ...site, tables: opened, extensions: 'dropped' }
  const address = (given: string): string => (opened.length === 0 ? given : (mapAddress(given, how) ?? given))
  const rewrites = { sender: address, recipient: address }
  const edited = (given: Buffer, queueId: string): Buffer => {
    const rewritten = opened.length === 0 ? given : rewriteHeader(given, rewrites)
    if (header.length === 0) return rewritten
    const fields = [...fieldRanges(rewritten)].map(([start, end]) => rewritten.subarray(start, end))
    const mail = {
      log,
      queueId,
      service: 'smtp',
      client: '',
      sender: '',
      recipient: '',
      protocol: '',
      helo: '',
    } as const
    return new ContentFilter({ ...headerAlone, header }, mail).trace(fields)
  }
  return {
    address,
    content: (content, queueId) => withHeader(content, (given) => edited(given, queueId)),
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
