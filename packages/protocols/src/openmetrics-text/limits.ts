/** Bounds of OpenMetrics bodies: those of the text format. */
export { TEXT_LIMITS as OPENMETRICS_LIMITS } from '../prometheus-text/limits.ts'
