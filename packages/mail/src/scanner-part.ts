import type { ContentFields } from './content-fields.ts'
import type { EnvelopeFields } from './envelope.ts'
import type { OctetString } from './octets.ts'
import type { Part } from './structure.ts'

/** A part while the scanner is inside it. */
export class OpenPart {
  readonly parent: OpenPart | undefined
  readonly depth: number
  readonly headerStart: number
  bodyStart = 0
  bodyEnd = 0
  startLine = 0
  lines = 0
  kind: Part['kind'] = 'other'
  content: ContentFields = plainText
  /** Of a message part: the envelope of its content. */
  envelope: EnvelopeFields | undefined
  /** Of a multipart until its close delimiter has come. */
  boundary: OctetString | undefined
  /** The part of an outer multipart with the same boundary, hidden while this one is open. */
  hidden: OpenPart | undefined
  readonly children: OpenPart[] = []

  constructor(parent: OpenPart | undefined, headerStart: number) {
    this.parent = parent
    this.depth = parent === undefined ? 0 : parent.depth + 1
    this.headerStart = headerStart
  }

  /** The immutable value; `depth` is bounded by the scanner, so recursion is too. */
  toPart(): Part {
    const { type, subtype, parameters, disposition, languages, location } = this.content
    const { headerStart, bodyStart, bodyEnd, lines } = this
    const fields = {
      type,
      subtype,
      parameters,
      languages,
      headerStart,
      bodyStart,
      bodyEnd,
      lines,
      ...(disposition === undefined ? {} : { disposition }),
      ...(location === undefined ? {} : { location }),
    }
    if (this.kind === 'multipart') {
      return { kind: 'multipart', ...fields, children: this.children.map((child) => child.toPart()) }
    }
    const { id, description, encoding, md5 } = this.content
    const single = {
      ...fields,
      encoding,
      ...(id === undefined ? {} : { id }),
      ...(description === undefined ? {} : { description }),
      ...(md5 === undefined ? {} : { md5 }),
    }
    if (this.kind !== 'message') return { kind: this.kind, ...single }
    const content = this.children[0] as OpenPart
    return {
      kind: 'message',
      ...single,
      envelope: this.envelope as EnvelopeFields,
      content: content.toPart(),
    }
  }
}

export const plainText: ContentFields = {
  type: 'text',
  subtype: 'plain',
  parameters: [['charset', 'us-ascii']],
  encoding: '7bit',
  id: undefined,
  description: undefined,
  md5: undefined,
  disposition: undefined,
  languages: [],
  location: undefined,
}

/** For what lies beyond the limits. */
export const opaqueContent = (content: ContentFields): ContentFields => ({
  ...content,
  type: 'application',
  subtype: 'octet-stream',
  parameters: [],
})
