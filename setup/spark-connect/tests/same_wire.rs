//! What the core sends is, byte by byte, what Apache's own code sends; of what Apache's sends it reads what it knows, and skips the rest.

#[allow(dead_code)]
#[path = "../../../core/src/engine/spark/proto/messages.rs"]
mod ours;

use std::fmt::Debug;

use ours::expression::literal::LiteralType;
use ours::expression::{self, ExprType};
use ours::relation::RelType;
use prost::Message;
use spark_connect_proto as apaches;

/// Apache's code knows every field of it, and has the same bytes for it.
fn same<Theirs: Message + Default + Debug, Ours: Message + Default + Debug + PartialEq>(message: Ours) {
    let sent = message.encode_to_vec();
    let read = Theirs::decode(sent.as_slice()).unwrap();
    assert_eq!(read.encode_to_vec(), sent, "{message:?}, {read:?}");
    assert_eq!(Ours::decode(sent.as_slice()).unwrap(), message);
}

fn user() -> Option<ours::UserContext> {
    Some(ours::UserContext { user_id: "ana".into(), user_name: "Ana".into() })
}

fn relation(of: RelType) -> ours::Relation {
    ours::Relation { common: Some(ours::RelationCommon { plan_id: Some(7) }), rel_type: Some(of) }
}

fn expression(of: ExprType) -> ours::Expression {
    ours::Expression { expr_type: Some(of) }
}

fn literal(of: LiteralType) -> ours::Expression {
    expression(ExprType::Literal(expression::Literal { literal_type: Some(of) }))
}

fn boxed(of: RelType) -> Option<Box<ours::Relation>> {
    Some(Box::new(relation(of)))
}

fn read() -> RelType {
    let source = ours::read::DataSource {
        format: Some("parquet".into()),
        options: [("recursiveFileLookup".to_owned(), "true".to_owned())].into(),
        paths: vec!["file:///lake/a".into(), "file:///lake/b".into()],
    };
    RelType::Read(ours::Read { read_type: Some(ours::read::ReadType::DataSource(source)) })
}

/// Every kind of relation and expression.
fn every() -> ours::Relation {
    let attribute = expression::UnresolvedAttribute { unparsed_identifier: "_metadata.row_index".into() };
    let alias = expression::Alias {
        expr: Some(Box::new(expression(ExprType::UnresolvedAttribute(attribute)))),
        name: vec!["row".into()],
    };
    let count = expression::UnresolvedFunction {
        function_name: "count".into(),
        arguments: vec![literal(LiteralType::Integer(1)), literal(LiteralType::Long(-1))],
    };
    let project = RelType::Project(Box::new(ours::Project {
        input: boxed(read()),
        expressions: vec![
            expression(ExprType::UnresolvedStar(expression::UnresolvedStar {})),
            expression(ExprType::Alias(Box::new(alias))),
        ],
    }));
    let known = RelType::LocalRelation(ours::LocalRelation { data: Some(vec![1, 2, 3].into()) });
    let named = |input, alias: &str| {
        relation(RelType::SubqueryAlias(Box::new(ours::SubqueryAlias { input: boxed(input), alias: alias.into() })))
    };
    let sql = ours::Sql { query: "SELECT ?".into(), pos_arguments: vec![literal(LiteralType::String("á".into()))] };
    let with = RelType::WithRelations(Box::new(ours::WithRelations {
        root: boxed(RelType::Sql(sql)),
        references: vec![named(project, "files"), named(known, "known")],
    }));
    let limit = RelType::Limit(Box::new(ours::Limit { input: boxed(with), limit: 10 }));
    relation(RelType::CollectMetrics(Box::new(ours::CollectMetrics {
        input: boxed(limit),
        name: "rows".into(),
        metrics: vec![expression(ExprType::UnresolvedFunction(count))],
    })))
}

#[test]
fn what_is_asked_has_the_same_bytes() {
    let write = ours::WriteOperation {
        input: Some(every()),
        source: Some("parquet".into()),
        mode: ours::write_operation::SaveMode::Overwrite.into(),
        options: [("compression".to_owned(), "zstd".to_owned())].into(),
        save_type: Some(ours::write_operation::SaveType::Path("file:///made".into())),
    };
    let command = ours::Command { command_type: Some(ours::command::CommandType::WriteOperation(write)) };
    for plan in [ours::plan::OpType::Root(every()), ours::plan::OpType::Command(command)] {
        use ours::execute_plan_request::{RequestOption, request_option};
        let again = request_option::RequestOption::ReattachOptions(ours::ReattachOptions { reattachable: true });
        let request = ours::ExecutePlanRequest {
            session_id: "session".into(),
            user_context: user(),
            operation_id: Some("operation".into()),
            plan: Some(ours::Plan { op_type: Some(plan) }),
            client_type: Some("datasus".into()),
            request_options: vec![RequestOption { request_option: Some(again) }],
        };
        same::<apaches::ExecutePlanRequest, _>(request);
    }
    let set = ours::config_request::Set {
        pairs: vec![ours::KeyValue { key: "spark.sql.ansi.enabled".into(), value: Some("true".into()) }],
    };
    let request = ours::ConfigRequest {
        session_id: "session".into(),
        user_context: user(),
        operation: Some(ours::config_request::Operation {
            op_type: Some(ours::config_request::operation::OpType::Set(set)),
        }),
        client_type: Some("datasus".into()),
    };
    same::<apaches::ConfigRequest, _>(request);
    let version = ours::analyze_plan_request::SparkVersion {};
    let request = ours::AnalyzePlanRequest {
        session_id: "session".into(),
        user_context: user(),
        client_type: Some("datasus".into()),
        analyze: Some(ours::analyze_plan_request::Analyze::SparkVersion(version)),
    };
    same::<apaches::AnalyzePlanRequest, _>(request);
    let request = ours::ReattachExecuteRequest {
        session_id: "session".into(),
        user_context: user(),
        operation_id: "operation".into(),
        client_type: Some("datasus".into()),
        last_response_id: Some("last".into()),
    };
    same::<apaches::ReattachExecuteRequest, _>(request);
    let request = ours::InterruptRequest {
        session_id: "session".into(),
        user_context: user(),
        client_type: Some("datasus".into()),
        interrupt_type: ours::interrupt_request::InterruptType::All.into(),
    };
    same::<apaches::InterruptRequest, _>(request);
    let request = ours::ReleaseSessionRequest {
        session_id: "session".into(),
        user_context: user(),
        client_type: Some("datasus".into()),
    };
    same::<apaches::ReleaseSessionRequest, _>(request);
}

#[test]
fn what_is_answered_is_read_and_what_is_not_known_is_skipped() {
    use apaches::execute_plan_response as theirs;
    let literal = apaches::expression::Literal {
        literal_type: Some(apaches::expression::literal::LiteralType::Long(40)),
        ..Default::default()
    };
    let answer = |of: Option<theirs::ResponseType>| {
        let answer = apaches::ExecutePlanResponse {
            session_id: "session".into(),
            server_side_session_id: "other".into(),
            operation_id: "operation".into(),
            response_id: "response".into(),
            response_type: of,
            metrics: Some(Default::default()),
            observed_metrics: vec![theirs::ObservedMetrics {
                name: "rows".into(),
                values: vec![literal.clone()],
                keys: vec!["rows".into()],
                plan_id: 3,
                ..Default::default()
            }],
            schema: Some(Default::default()),
        };
        let read = ours::ExecutePlanResponse::decode(answer.encode_to_vec().as_slice()).unwrap();
        assert_eq!((read.response_id.as_str(), read.observed_metrics.len()), ("response", 1));
        assert_eq!(read.observed_metrics[0].name, "rows");
        assert_eq!(read.observed_metrics[0].values[0].literal_type, Some(LiteralType::Long(40)));
        read.response_type
    };
    let rows = theirs::ArrowBatch {
        row_count: 2,
        data: vec![9, 8].into(),
        start_offset: Some(5),
        chunk_index: Some(1),
        num_chunks_in_batch: Some(3),
    };
    let read = ours::execute_plan_response::ArrowBatch {
        row_count: 2,
        data: vec![9, 8].into(),
        start_offset: Some(5),
        chunk_index: Some(1),
    };
    let kind = ours::execute_plan_response::ResponseType::ArrowBatch;
    assert_eq!(answer(Some(theirs::ResponseType::ArrowBatch(rows))), Some(kind(read)));
    let end = answer(Some(theirs::ResponseType::ResultComplete(Default::default())));
    assert!(matches!(end, Some(ours::execute_plan_response::ResponseType::ResultComplete(_))), "{end:?}");
    let stage = theirs::execution_progress::StageInfo {
        stage_id: 1,
        num_tasks: 2,
        num_completed_tasks: 1,
        input_bytes_read: 3,
        done: true,
    };
    let progress = theirs::ExecutionProgress { stages: vec![stage], num_inflight_tasks: 1 };
    let Some(ours::execute_plan_response::ResponseType::ExecutionProgress(read)) =
        answer(Some(theirs::ResponseType::ExecutionProgress(progress)))
    else {
        panic!("no progress");
    };
    assert_eq!((read.stages[0].stage_id, read.stages[0].num_completed_tasks), (1, 1));
    // Of another kind.
    assert_eq!(answer(Some(theirs::ResponseType::MlCommandResult(Default::default()))), None);

    let answer = apaches::ConfigResponse { server_side_session_id: "other".into(), ..Default::default() };
    let read = ours::ConfigResponse::decode(answer.encode_to_vec().as_slice()).unwrap();
    assert_eq!(read.server_side_session_id, "other");
    let version = apaches::analyze_plan_response::SparkVersion { version: "4.2.0".into() };
    let answer = apaches::AnalyzePlanResponse {
        session_id: "session".into(),
        result: Some(apaches::analyze_plan_response::Result::SparkVersion(version)),
        ..Default::default()
    };
    let read = ours::AnalyzePlanResponse::decode(answer.encode_to_vec().as_slice()).unwrap();
    let version = ours::analyze_plan_response::SparkVersion { version: "4.2.0".into() };
    assert_eq!(read.result, Some(ours::analyze_plan_response::Result::SparkVersion(version)));
}
