/** libmilter/mfdef.h: the protocol's numbers, version 6. */

/** What a filter may do (SMFIF_*). */
export const actions = {
  addHeaders: 0x1,
  changeBody: 0x2,
  addRecipient: 0x4,
  deleteRecipient: 0x8,
  changeHeaders: 0x10,
  quarantine: 0x20,
  changeFrom: 0x40,
  addRecipientWithParameters: 0x80,
  setMacros: 0x100,
} as const

/** What a filter does not want to see, does not answer, or can take (SMFIP_*). */
export const steps = {
  noConnect: 0x1,
  noHelo: 0x2,
  noMail: 0x4,
  noRcpt: 0x8,
  noBody: 0x10,
  noHeaders: 0x20,
  noEndOfHeaders: 0x40,
  noReplyHeader: 0x80,
  noUnknown: 0x100,
  noData: 0x200,
  skip: 0x400,
  rejectedRecipients: 0x800,
  noReplyConnect: 0x1000,
  noReplyHelo: 0x2000,
  noReplyMail: 0x4000,
  noReplyRcpt: 0x8000,
  noReplyData: 0x10000,
  noReplyUnknown: 0x20000,
  noReplyEndOfHeaders: 0x40000,
  noReplyBody: 0x80000,
  leadingSpace: 0x100000,
} as const

/** The events, each with its letter (SMFIC_*), and what a filter says to spare itself the event, or the reply. */
export const events = {
  connect: { letter: 'C', unwanted: steps.noConnect, unanswered: steps.noReplyConnect },
  helo: { letter: 'H', unwanted: steps.noHelo, unanswered: steps.noReplyHelo },
  mail: { letter: 'M', unwanted: steps.noMail, unanswered: steps.noReplyMail },
  rcpt: { letter: 'R', unwanted: steps.noRcpt, unanswered: steps.noReplyRcpt },
  data: { letter: 'T', unwanted: steps.noData, unanswered: steps.noReplyData },
  unknown: { letter: 'U', unwanted: steps.noUnknown, unanswered: steps.noReplyUnknown },
  header: { letter: 'L', unwanted: steps.noHeaders, unanswered: steps.noReplyHeader },
  endOfHeaders: { letter: 'N', unwanted: steps.noEndOfHeaders, unanswered: steps.noReplyEndOfHeaders },
  body: { letter: 'B', unwanted: steps.noBody, unanswered: steps.noReplyBody },
  endOfBody: { letter: 'E', unwanted: 0, unanswered: 0 },
} as const

export type MilterEvent = keyof typeof events

/** Octets of one SMFIC_BODY at most. */
export const maxChunkBytes = 65_535
/** No filter has a reason to send more at once: a replaced body comes in pieces of 65,535. */
export const maxFrameBytes = 2_097_152

/** Stages for which a filter may name the macros it wants (SMFIM_*), by number. */
export const macroStages = ['connect', 'helo', 'mail', 'rcpt', 'data', 'endOfData', 'endOfHeaders'] as const
export type MacroStage = (typeof macroStages)[number] | 'unknown'
