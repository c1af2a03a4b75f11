import type { ReportTemplate } from '@posthorn/mail'
import { rewriteAddressField } from '../rewriting/address-field.ts'

export type TemplateName = 'failure' | 'delay' | 'success' | 'verify'

export interface BounceTemplate extends ReportTemplate {
  /** For copies to postmaster. Postfix: Postmaster-Subject. */
  readonly postmasterSubject: string
}

export type BounceTemplates = Partial<Record<TemplateName, BounceTemplate>>

/** `expand` fills in `$name`; undefined parameters are told to it. */
export type ExpandMacros = (text: string) => string

export class BounceTemplateError extends Error {
  /** Of the template file, from 1. */
  readonly line: number
  constructor(line: number, message: string) {
    super(message)
    this.name = 'BounceTemplateError'
    this.line = line
  }
}

const names: readonly string[] = ['failure', 'delay', 'success', 'verify']
const fieldNames = new Set(['charset', 'from', 'subject', 'postmaster-subject'])
/** Longest line of a report. RFC 5322 §2.1.1. */
const maxLineLength = 990

/**
 * A file of templates: `failure_template = <<EOF`, header fields (Charset, From, Subject, Postmaster-Subject), an
 * empty line, the text with `$macros`, `EOF`. Postfix: bounce(5). Throws BounceTemplateError.
 */
export const parseBounceTemplates = (text: string, expand: ExpandMacros): BounceTemplates => {
  const templates: BounceTemplates = {}
  const lines = text.split(/\r?\n/)
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string
    if (/^\s*(#|$)/.test(line)) continue
    const start = /^([a-z]+)_template\s*=\s*<<\s*(\S+)\s*$/.exec(line)
    const name = start?.[1] ?? ''
    if (start === null || !names.includes(name))
      throw new BounceTemplateError(
        at + 1,
        `expected "failure_template = <<EOF", found "${line.slice(0, 100)}"`,
      )
    const end = lines.indexOf(start[2] ?? '', at + 1)
    if (end === -1)
      throw new BounceTemplateError(at + 1, `${name}_template has no end: no line "${start[2]}"`)
    templates[name as TemplateName] = readTemplate(lines.slice(at + 1, end), at + 2, expand)
    at = end
  }
  return templates
}

/** Its sender with our domain where it names none, as in `MAILER-DAEMON (Mail Delivery System)`. Postfix: append_at_myorigin. */
export const templateAt = (origin: string, template: BounceTemplate): BounceTemplate => {
  const field = rewriteAddressField(Buffer.from(`From:${template.from}`), (address) =>
    address.includes('@') ? address : `${address}@${origin}`,
  )
  return { ...template, from: field.toString().slice('From:'.length) }
}

const readTemplate = (lines: readonly string[], firstLine: number, expand: ExpandMacros): BounceTemplate => {
  const fields = new Map<string, string>()
  let body = 0
  for (; body < lines.length && lines[body] !== ''; body++) {
    const line = lines[body] as string
    const match = /^([A-Za-z-]+)[ \t]*:[ \t]*(.*)$/.exec(line)
    const name = match?.[1]?.toLowerCase() ?? ''
    if (match === null || !fieldNames.has(name)) {
      // bounce(5): a template may begin with its text.
      if (body === 0) break
      throw new BounceTemplateError(
        firstLine + body,
        `not a header field of a template: "${line.slice(0, 100)}"`,
      )
    }
    fields.set(name, expand(match[2] ?? '').trim())
  }
  const text = lines
    .slice(lines[body] === '' ? body + 1 : body)
    .map((line) => expand(line).slice(0, maxLineLength))
  const subject = fields.get('subject') ?? 'Undelivered Mail Returned to Sender'
  return {
    charset: fields.get('charset') ?? 'us-ascii',
    from: fields.get('from') ?? '',
    subject,
    postmasterSubject: fields.get('postmaster-subject') ?? `Postmaster Copy: ${subject}`,
    text,
  }
}
