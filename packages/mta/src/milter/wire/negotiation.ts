import { actions, type MacroStage, macroStages, steps } from './constants.ts'
import { encodeFrame, FrameReader, MilterSyntaxError, uint32 } from './frame.ts'

export interface Negotiated {
  readonly version: number
  /** What the filter may do: bits of `actions`. */
  readonly actions: number
  /** What it does not want, or can take: bits of `steps`. */
  readonly steps: number
  /** The macros it wants instead of those configured, without braces. */
  readonly macros: ReadonlyMap<MacroStage, readonly string[]>
}

/** What version `protocol` knows. Postfix: milter_protocol. */
export function offerOf(protocol: number): { readonly actions: number; readonly steps: number } {
  const version2 =
    actions.addHeaders |
    actions.changeBody |
    actions.addRecipient |
    actions.deleteRecipient |
    actions.changeHeaders |
    actions.quarantine
  const early = 0x7f
  if (protocol <= 2) return { actions: version2, steps: early }
  if (protocol === 3) return { actions: version2, steps: early | steps.noUnknown }
  if (protocol === 4 || protocol === 5)
    return { actions: version2, steps: early | steps.noUnknown | steps.noData }
  const all = Object.values(steps).reduce((sum, step) => sum | step, 0)
  return {
    actions: version2 | actions.changeFrom | actions.addRecipientWithParameters | actions.setMacros,
    steps: all | steps.noReplyHeader,
  }
}

/** SMFIC_OPTNEG. */
export function encodeOffer(protocol: number): Buffer {
  const offer = offerOf(protocol)
  return encodeFrame('O', uint32(protocol, offer.actions, offer.steps))
}

/** The filter's answer to the offer. Throws MilterSyntaxError for one that asks for what was not offered. */
export function decodeNegotiation(frame: Buffer, protocol: number): Negotiated {
  if (frame[4] !== 0x4f) throw new MilterSyntaxError('no answer to the negotiation')
  const reader = new FrameReader(frame.subarray(5))
  const version = reader.uint32()
  if (version < 2 || version > protocol)
    throw new MilterSyntaxError(`the filter speaks version ${version}, we speak 2 to ${protocol}`)
  const wanted = { actions: reader.uint32(), steps: reader.uint32() }
  const offer = offerOf(protocol)
  if ((wanted.actions & ~offer.actions) !== 0)
    throw new MilterSyntaxError(
      `the filter wants actions 0x${wanted.actions.toString(16)} that were not offered`,
    )
  // Newer filters ask for larger pieces (SMFIP_MDS_*), which nobody has to give.
  const known = wanted.steps & 0x0fffffff
  if ((known & ~offer.steps) !== 0)
    throw new MilterSyntaxError(`the filter wants steps 0x${wanted.steps.toString(16)} that were not offered`)
  return { version, actions: wanted.actions, steps: known, macros: readMacros(reader) }
}

function readMacros(reader: FrameReader): ReadonlyMap<MacroStage, readonly string[]> {
  const macros = new Map<MacroStage, readonly string[]>()
  while (!reader.atEnd) {
    const stage = macroStages[reader.uint32()]
    const names = reader.text()
    if (stage !== undefined) macros.set(stage, macroNames(names))
  }
  return macros
}

/** `j {daemon_name} v _` without braces. */
export function macroNames(text: string): readonly string[] {
  return text
    .split(/[\s,]+/)
    .map((name) => name.replace(/^\{(.*)\}$/, '$1'))
    .filter((name) => name !== '')
}
