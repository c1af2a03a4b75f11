import type { Log } from '@posthorn/mail'
import { type ContentChecks, ContentFilter } from '../checks/index.ts'
import { HeaderGate } from '../receive/header-gate.ts'
import type { Tables } from '../tables/index.ts'
import { type AddressMapOptions, extensionsTo, mapAddress } from './address-map.ts'
import { rewriteHeader } from './header-addresses.ts'

/** What becomes of a message when it leaves by SMTP. */
export interface OutgoingRewriting {
  /** Throws LookupWaits and LookupFailed. */
  address(address: string): string
  /** The message with another header, as it streams. */
  content(content: AsyncIterable<Uint8Array>, queueId: string): AsyncIterable<Uint8Array>
}

/** smtp_generic_maps and smtp_*_checks, or their lmtp_ twins. */
export interface OutgoingOptions {
  readonly genericMaps: readonly string[]
  /** Postfix: propagate_unmatched_extensions. */
  readonly propagateExtensions?: readonly string[]
  readonly headerChecks?: readonly string[]
  readonly mimeHeaderChecks?: readonly string[]
  readonly nestedHeaderChecks?: readonly string[]
  readonly bodyChecks?: readonly string[]
  /** Postfix: body_checks_size_limit. */
  readonly bodyChecksSizeLimitBytes?: number
}

/**
 * generic(5): our addresses in envelope and header become what the world knows, once, without recursion.
 * Then smtp_header_checks and their kind edit header and text. undefined: nothing is set. Throws TableError.
 * Postfix: smtp_generic_maps, smtp_header_checks, smtp_mime_header_checks, smtp_nested_header_checks,
 * smtp_body_checks.
 */
export function createOutgoingRewriting(
  options: OutgoingOptions,
  tables: Tables,
  site: Pick<AddressMapOptions, 'complete' | 'isLocalDomain' | 'delimiter'>,
  log: Log,
): OutgoingRewriting | undefined {
  const opened = tables.openAll(options.genericMaps)
  const checks: ContentChecks = {
    header: tables.openAll(options.headerChecks ?? [], 'smtp_header_checks'),
    mime: tables.openAll(options.mimeHeaderChecks ?? [], 'smtp_mime_header_checks'),
    nested: tables.openAll(options.nestedHeaderChecks ?? [], 'smtp_nested_header_checks'),
    body: tables.openAll(options.bodyChecks ?? [], 'smtp_body_checks'),
    bodyLimitBytes: options.bodyChecksSizeLimitBytes ?? 51_200,
    headerLimitBytes: 102_400,
  }
  const checked = [checks.header, checks.mime, checks.nested, checks.body].some((list) => list.length > 0)
  if (opened.length === 0 && !checked) return undefined
  const how: AddressMapOptions = {
    ...site,
    tables: opened,
    extensions: extensionsTo('generic', options.propagateExtensions),
  }
  const address = (given: string): string => (opened.length === 0 ? given : (mapAddress(given, how) ?? given))
  const rewrites = { sender: address, recipient: address }
  return {
    address,
    content: (content, queueId) => {
      const mapped =
        opened.length === 0 ? content : withHeader(content, (given) => rewriteHeader(given, rewrites))
      return checked ? edited(mapped, checks, queueId, log) : mapped
    },
  }
}

async function* edited(
  content: AsyncIterable<Uint8Array>,
  checks: ContentChecks,
  queueId: string,
  log: Log,
): AsyncGenerator<Uint8Array> {
  const nobody = { client: '', sender: '', recipient: '', protocol: '', helo: '' }
  const filter = new ContentFilter(checks, { log, queueId, service: 'smtp', ...nobody })
  for await (const chunk of content) yield filter.push(chunk)
  yield filter.finish()
}

async function* withHeader(
  content: AsyncIterable<Uint8Array>,
  rewrite: (header: Buffer) => Buffer,
): AsyncGenerator<Uint8Array> {
  const ready: Uint8Array[] = []
  const gate = new HeaderGate((chunk) => void ready.push(chunk), rewrite)
  for await (const chunk of content) {
    await gate.push(chunk)
    yield* ready.splice(0)
  }
  await gate.finish()
  yield* ready.splice(0)
}
