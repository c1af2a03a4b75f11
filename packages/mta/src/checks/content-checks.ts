import type { LookupTable, Tables } from '../tables/index.ts'
import type { EightBitRules } from './eight-bit.ts'

export interface ContentCheckOptions {
  readonly headerChecks?: readonly string[]
  /** Postfix: default $header_checks. */
  readonly mimeHeaderChecks?: readonly string[]
  /** Postfix: default $header_checks. */
  readonly nestedHeaderChecks?: readonly string[]
  readonly bodyChecks?: readonly string[]
  /** Octets of each body segment that are looked at. Postfix: body_checks_size_limit, 51200. */
  readonly bodyChecksSizeLimitBytes?: number
  /** Postfix: mime_nesting_limit, 100. */
  readonly mimeNestingLimit?: number
  /** Postfix: mime_boundary_length_limit, 2048. */
  readonly mimeBoundaryLengthLimit?: number
  /** Postfix: header_size_limit, 102400. */
  readonly headerSizeLimitBytes?: number
  /** Multiparts and messages with a Content-Transfer-Encoding that is not theirs. Postfix: strict_mime_encoding_domain. Default: taken. */
  readonly forbiddenEncodings?: 'taken' | 'refused'
  /** Default: taken everywhere. */
  readonly eightBit?: EightBitRules | undefined
}

/** The tables of header_checks(5). */
export interface ContentChecks {
  readonly header: readonly LookupTable[]
  /** Fields of MIME (`Content-…`, `MIME-Version`) wherever they stand, and all fields of parts. */
  readonly mime: readonly LookupTable[]
  /** Fields of enclosed messages. */
  readonly nested: readonly LookupTable[]
  readonly body: readonly LookupTable[]
  readonly bodyLimitBytes: number
  readonly headerLimitBytes: number
  readonly mimeDepth?: number
  readonly boundaryLimitBytes?: number
  readonly forbiddenEncodings?: 'taken' | 'refused'
  /** undefined: octets beyond ASCII are taken everywhere. */
  readonly eightBit?: EightBitRules | undefined
}

/** undefined: no table and no rule, and no message is looked at. Throws TableError. */
export function createContentChecks(options: ContentCheckOptions, tables: Tables): ContentChecks | undefined {
  const header = tables.openAll(options.headerChecks ?? [], 'header_checks')
  const mime = tables.openAll(options.mimeHeaderChecks ?? options.headerChecks ?? [], 'mime_header_checks')
  const nested = tables.openAll(
    options.nestedHeaderChecks ?? options.headerChecks ?? [],
    'nested_header_checks',
  )
  const body = tables.openAll(options.bodyChecks ?? [], 'body_checks')
  const { eightBit } = options
  const { forbiddenEncodings = 'taken' } = options
  const refuses = eightBit?.header === 'refused' || eightBit?.body === 'refused'
  if (
    !refuses &&
    forbiddenEncodings === 'taken' &&
    [header, mime, nested, body].every((list) => list.length === 0)
  )
    return undefined
  return {
    header,
    mime,
    nested,
    body,
    bodyLimitBytes: options.bodyChecksSizeLimitBytes ?? 51_200,
    headerLimitBytes: options.headerSizeLimitBytes ?? 102_400,
    mimeDepth: options.mimeNestingLimit ?? 100,
    boundaryLimitBytes: options.mimeBoundaryLengthLimit ?? 2_048,
    forbiddenEncodings,
    ...(refuses ? { eightBit } : {}),
  }
}
