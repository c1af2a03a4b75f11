export {
  type BounceTemplate,
  BounceTemplateError,
  type BounceTemplates,
  parseBounceTemplates,
  type TemplateName,
  templateAt,
} from './bounce/templates.ts'
export * from './checks/index.ts'
export { createDeliveryAgents, type DeliveryAgents, type DeliveryOptions } from './delivery/agents.ts'
export * from './delivery/index.ts'
export * from './milter/index.ts'
export * from './policy/index.ts'
export { type DestinationLimits, type Feedback, parseFeedback } from './queue/destinations.ts'
export * from './queue/index.ts'
export { defaultQueueOptions, type QueueOptions } from './queue/options.ts'
export { createQueueRunner, type QueueRunner, type QueueRunnerInput } from './queue/queue-runner.ts'
export * from './receive/index.ts'
export * from './rewriting/index.ts'
export * from './routing/index.ts'
export * from './screen/index.ts'
export * from './tables/index.ts'
export * from './tlsrpt/index.ts'
export * from './verify/index.ts'
