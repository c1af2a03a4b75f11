export type { ReportOptions } from '../bounce/report.ts'
export type { DirectDelivery, DirectOffer } from './direct-delivery.ts'
export { defaultQueueOptions, type QueueOptions } from './options.ts'
export { createQueueRunner, type QueueRunner, type QueueRunnerInput } from './queue-runner.ts'
