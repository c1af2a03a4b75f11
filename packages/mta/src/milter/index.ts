export { type MilterAnswer, parseReplyCode } from './milter-answer.ts'
export { MilterContent } from './milter-content.ts'
export type { MilterEdits } from './milter-message.ts'
export { defaultMilterOptions, type MilterDefaultAction, type MilterOptions } from './milter-options.ts'
export { readDefaultAction, readProtocol } from './milter-spec.ts'
export {
  createMilters,
  type MilterFacts,
  type Milters,
  type MiltersOptions,
  type SessionMilters,
} from './milters.ts'
export { macroNames } from './wire/negotiation.ts'
