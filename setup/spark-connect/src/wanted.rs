//! What the core asks of a server and reads of its answers. Everything else stays out: whoever decodes a message skips what it does not
//! know, and what is not set is not sent.

/// The service, with these of its calls.
pub const CALLS: &[&str] = &["ExecutePlan", "AnalyzePlan", "Config", "Interrupt", "ReattachExecute", "ReleaseSession"];

/// Messages, with these of their fields.
pub const MESSAGES: &[(&str, &[&str])] = &[
    ("UserContext", &["user_id", "user_name"]),
    ("KeyValue", &["key", "value"]),
    // Who serves.
    ("ConfigRequest", &["session_id", "user_context", "operation", "client_type"]),
    ("ConfigRequest.Operation", &["set"]),
    ("ConfigRequest.Set", &["pairs"]),
    ("ConfigResponse", &["server_side_session_id"]),
    ("AnalyzePlanRequest", &["session_id", "user_context", "client_type", "spark_version"]),
    ("AnalyzePlanRequest.SparkVersion", &[]),
    ("AnalyzePlanResponse", &["spark_version"]),
    ("AnalyzePlanResponse.SparkVersion", &["version"]),
    // A statement, its answer, its end.
    ("ExecutePlanRequest", &["session_id", "user_context", "operation_id", "plan", "client_type", "request_options"]),
    ("ExecutePlanRequest.RequestOption", &["reattach_options"]),
    ("ReattachOptions", &["reattachable"]),
    ("ReattachExecuteRequest", &["session_id", "user_context", "operation_id", "client_type", "last_response_id"]),
    (
        "ExecutePlanResponse",
        &["response_id", "arrow_batch", "result_complete", "execution_progress", "observed_metrics"],
    ),
    ("ExecutePlanResponse.ArrowBatch", &["row_count", "data", "start_offset", "chunk_index"]),
    ("ExecutePlanResponse.ResultComplete", &[]),
    ("ExecutePlanResponse.ExecutionProgress", &["stages"]),
    ("ExecutePlanResponse.ExecutionProgress.StageInfo", &["stage_id", "num_completed_tasks"]),
    ("ExecutePlanResponse.ObservedMetrics", &["name", "values"]),
    ("InterruptRequest", &["session_id", "user_context", "client_type", "interrupt_type"]),
    ("InterruptResponse", &[]),
    ("ReleaseSessionRequest", &["session_id", "user_context", "client_type"]),
    ("ReleaseSessionResponse", &[]),
    // Plans.
    ("Plan", &["root", "command"]),
    ("Command", &["write_operation"]),
    ("WriteOperation", &["input", "source", "path", "mode", "options"]),
    (
        "Relation",
        &[
            "common",
            "read",
            "project",
            "limit",
            "sql",
            "local_relation",
            "subquery_alias",
            "collect_metrics",
            "with_relations",
        ],
    ),
    ("RelationCommon", &["plan_id"]),
    ("Read", &["data_source"]),
    ("Read.DataSource", &["format", "options", "paths"]),
    ("Project", &["input", "expressions"]),
    ("Limit", &["input", "limit"]),
    ("SQL", &["query", "pos_arguments"]),
    ("WithRelations", &["root", "references"]),
    ("LocalRelation", &["data"]),
    ("SubqueryAlias", &["input", "alias"]),
    ("CollectMetrics", &["input", "name", "metrics"]),
    ("Expression", &["literal", "unresolved_attribute", "unresolved_function", "unresolved_star", "alias"]),
    ("Expression.Literal", &["integer", "long", "string"]),
    ("Expression.UnresolvedAttribute", &["unparsed_identifier"]),
    ("Expression.UnresolvedFunction", &["function_name", "arguments"]),
    ("Expression.UnresolvedStar", &[]),
    ("Expression.Alias", &["expr", "name"]),
];

/// Enumerations, whole.
pub const ENUMS: &[&str] = &["InterruptRequest.InterruptType", "WriteOperation.SaveMode"];
