// Written by setup/spark-connect.sh from the descriptions of Spark Connect that Apache Spark v4.2.0
// (32f7299601108917fb01920a54e084595b7b3bf8) publishes in the crate apache-spark-connect-proto; change
// setup/spark-connect/src/wanted.rs, not this.
//
// Licensed to the Apache Software Foundation (ASF) under one or more contributor license agreements. The ASF licenses those descriptions to
// You under the Apache License, Version 2.0; you may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0.

#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Expression {
    #[prost(oneof = "expression::ExprType", tags = "1, 2, 3, 5, 6")]
    pub expr_type: ::core::option::Option<expression::ExprType>,
}
/// Nested message and enum types in `Expression`.
pub mod expression {
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Literal {
        #[prost(oneof = "literal::LiteralType", tags = "6, 7, 13")]
        pub literal_type: ::core::option::Option<literal::LiteralType>,
    }
    /// Nested message and enum types in `Literal`.
    pub mod literal {
        #[derive(Clone, PartialEq, Eq, Hash, ::prost::Oneof)]
        pub enum LiteralType {
            #[prost(int32, tag = "6")]
            Integer(i32),
            #[prost(int64, tag = "7")]
            Long(i64),
            #[prost(string, tag = "13")]
            String(::prost::alloc::string::String),
        }
    }
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct UnresolvedAttribute {
        #[prost(string, tag = "1")]
        pub unparsed_identifier: ::prost::alloc::string::String,
    }
    #[derive(Clone, PartialEq, ::prost::Message)]
    pub struct UnresolvedFunction {
        #[prost(string, tag = "1")]
        pub function_name: ::prost::alloc::string::String,
        #[prost(message, repeated, tag = "2")]
        pub arguments: ::prost::alloc::vec::Vec<super::Expression>,
    }
    #[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct UnresolvedStar {}
    #[derive(Clone, PartialEq, ::prost::Message)]
    pub struct Alias {
        #[prost(message, optional, boxed, tag = "1")]
        pub expr: ::core::option::Option<::prost::alloc::boxed::Box<super::Expression>>,
        #[prost(string, repeated, tag = "2")]
        pub name: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    }
    #[derive(Clone, PartialEq, ::prost::Oneof)]
    pub enum ExprType {
        #[prost(message, tag = "1")]
        Literal(Literal),
        #[prost(message, tag = "2")]
        UnresolvedAttribute(UnresolvedAttribute),
        #[prost(message, tag = "3")]
        UnresolvedFunction(UnresolvedFunction),
        #[prost(message, tag = "5")]
        UnresolvedStar(UnresolvedStar),
        #[prost(message, tag = "6")]
        Alias(::prost::alloc::boxed::Box<Alias>),
    }
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Relation {
    #[prost(message, optional, tag = "1")]
    pub common: ::core::option::Option<RelationCommon>,
    #[prost(oneof = "relation::RelType", tags = "2, 3, 8, 10, 11, 16, 29, 41")]
    pub rel_type: ::core::option::Option<relation::RelType>,
}
/// Nested message and enum types in `Relation`.
pub mod relation {
    #[derive(Clone, PartialEq, ::prost::Oneof)]
    pub enum RelType {
        #[prost(message, tag = "2")]
        Read(super::Read),
        #[prost(message, tag = "3")]
        Project(::prost::alloc::boxed::Box<super::Project>),
        #[prost(message, tag = "8")]
        Limit(::prost::alloc::boxed::Box<super::Limit>),
        #[prost(message, tag = "10")]
        Sql(super::Sql),
        #[prost(message, tag = "11")]
        LocalRelation(super::LocalRelation),
        #[prost(message, tag = "16")]
        SubqueryAlias(::prost::alloc::boxed::Box<super::SubqueryAlias>),
        #[prost(message, tag = "29")]
        CollectMetrics(::prost::alloc::boxed::Box<super::CollectMetrics>),
        #[prost(message, tag = "41")]
        WithRelations(::prost::alloc::boxed::Box<super::WithRelations>),
    }
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct RelationCommon {
    #[prost(int64, optional, tag = "2")]
    pub plan_id: ::core::option::Option<i64>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Sql {
    #[prost(string, tag = "1")]
    pub query: ::prost::alloc::string::String,
    #[prost(message, repeated, tag = "5")]
    pub pos_arguments: ::prost::alloc::vec::Vec<Expression>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct WithRelations {
    #[prost(message, optional, boxed, tag = "1")]
    pub root: ::core::option::Option<::prost::alloc::boxed::Box<Relation>>,
    #[prost(message, repeated, tag = "2")]
    pub references: ::prost::alloc::vec::Vec<Relation>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Read {
    #[prost(oneof = "read::ReadType", tags = "2")]
    pub read_type: ::core::option::Option<read::ReadType>,
}
/// Nested message and enum types in `Read`.
pub mod read {
    #[derive(Clone, PartialEq, ::prost::Message)]
    pub struct DataSource {
        #[prost(string, optional, tag = "1")]
        pub format: ::core::option::Option<::prost::alloc::string::String>,
        #[prost(map = "string, string", tag = "3")]
        pub options: ::std::collections::HashMap<::prost::alloc::string::String, ::prost::alloc::string::String>,
        #[prost(string, repeated, tag = "4")]
        pub paths: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    }
    #[derive(Clone, PartialEq, ::prost::Oneof)]
    pub enum ReadType {
        #[prost(message, tag = "2")]
        DataSource(DataSource),
    }
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Project {
    #[prost(message, optional, boxed, tag = "1")]
    pub input: ::core::option::Option<::prost::alloc::boxed::Box<Relation>>,
    #[prost(message, repeated, tag = "3")]
    pub expressions: ::prost::alloc::vec::Vec<Expression>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Limit {
    #[prost(message, optional, boxed, tag = "1")]
    pub input: ::core::option::Option<::prost::alloc::boxed::Box<Relation>>,
    #[prost(int32, tag = "2")]
    pub limit: i32,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct LocalRelation {
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub data: ::core::option::Option<::prost::bytes::Bytes>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct SubqueryAlias {
    #[prost(message, optional, boxed, tag = "1")]
    pub input: ::core::option::Option<::prost::alloc::boxed::Box<Relation>>,
    #[prost(string, tag = "2")]
    pub alias: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct CollectMetrics {
    #[prost(message, optional, boxed, tag = "1")]
    pub input: ::core::option::Option<::prost::alloc::boxed::Box<Relation>>,
    #[prost(string, tag = "2")]
    pub name: ::prost::alloc::string::String,
    #[prost(message, repeated, tag = "3")]
    pub metrics: ::prost::alloc::vec::Vec<Expression>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Command {
    #[prost(oneof = "command::CommandType", tags = "2")]
    pub command_type: ::core::option::Option<command::CommandType>,
}
/// Nested message and enum types in `Command`.
pub mod command {
    #[derive(Clone, PartialEq, ::prost::Oneof)]
    pub enum CommandType {
        #[prost(message, tag = "2")]
        WriteOperation(super::WriteOperation),
    }
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct WriteOperation {
    #[prost(message, optional, tag = "1")]
    pub input: ::core::option::Option<Relation>,
    #[prost(string, optional, tag = "2")]
    pub source: ::core::option::Option<::prost::alloc::string::String>,
    #[prost(enumeration = "write_operation::SaveMode", tag = "5")]
    pub mode: i32,
    #[prost(map = "string, string", tag = "9")]
    pub options: ::std::collections::HashMap<::prost::alloc::string::String, ::prost::alloc::string::String>,
    #[prost(oneof = "write_operation::SaveType", tags = "3")]
    pub save_type: ::core::option::Option<write_operation::SaveType>,
}
/// Nested message and enum types in `WriteOperation`.
pub mod write_operation {
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
    #[repr(i32)]
    pub enum SaveMode {
        Unspecified = 0,
        Append = 1,
        Overwrite = 2,
        ErrorIfExists = 3,
        Ignore = 4,
    }
    impl SaveMode {
        /// String value of the enum field names used in the ProtoBuf definition.
        ///
        /// The values are not transformed in any way and thus are considered stable
        /// (if the ProtoBuf definition does not change) and safe for programmatic use.
        pub fn as_str_name(&self) -> &'static str {
            match self {
                Self::Unspecified => "SAVE_MODE_UNSPECIFIED",
                Self::Append => "SAVE_MODE_APPEND",
                Self::Overwrite => "SAVE_MODE_OVERWRITE",
                Self::ErrorIfExists => "SAVE_MODE_ERROR_IF_EXISTS",
                Self::Ignore => "SAVE_MODE_IGNORE",
            }
        }
        /// Creates an enum from field names used in the ProtoBuf definition.
        pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
            match value {
                "SAVE_MODE_UNSPECIFIED" => Some(Self::Unspecified),
                "SAVE_MODE_APPEND" => Some(Self::Append),
                "SAVE_MODE_OVERWRITE" => Some(Self::Overwrite),
                "SAVE_MODE_ERROR_IF_EXISTS" => Some(Self::ErrorIfExists),
                "SAVE_MODE_IGNORE" => Some(Self::Ignore),
                _ => None,
            }
        }
    }
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Oneof)]
    pub enum SaveType {
        #[prost(string, tag = "3")]
        Path(::prost::alloc::string::String),
    }
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Plan {
    #[prost(oneof = "plan::OpType", tags = "1, 2")]
    pub op_type: ::core::option::Option<plan::OpType>,
}
/// Nested message and enum types in `Plan`.
pub mod plan {
    #[derive(Clone, PartialEq, ::prost::Oneof)]
    pub enum OpType {
        #[prost(message, tag = "1")]
        Root(super::Relation),
        #[prost(message, tag = "2")]
        Command(super::Command),
    }
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct UserContext {
    #[prost(string, tag = "1")]
    pub user_id: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub user_name: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct AnalyzePlanRequest {
    #[prost(string, tag = "1")]
    pub session_id: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "2")]
    pub user_context: ::core::option::Option<UserContext>,
    #[prost(string, optional, tag = "3")]
    pub client_type: ::core::option::Option<::prost::alloc::string::String>,
    #[prost(oneof = "analyze_plan_request::Analyze", tags = "10")]
    pub analyze: ::core::option::Option<analyze_plan_request::Analyze>,
}
/// Nested message and enum types in `AnalyzePlanRequest`.
pub mod analyze_plan_request {
    #[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct SparkVersion {}
    #[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Oneof)]
    pub enum Analyze {
        #[prost(message, tag = "10")]
        SparkVersion(SparkVersion),
    }
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct AnalyzePlanResponse {
    #[prost(oneof = "analyze_plan_response::Result", tags = "8")]
    pub result: ::core::option::Option<analyze_plan_response::Result>,
}
/// Nested message and enum types in `AnalyzePlanResponse`.
pub mod analyze_plan_response {
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct SparkVersion {
        #[prost(string, tag = "1")]
        pub version: ::prost::alloc::string::String,
    }
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Oneof)]
    pub enum Result {
        #[prost(message, tag = "8")]
        SparkVersion(SparkVersion),
    }
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ExecutePlanRequest {
    #[prost(string, tag = "1")]
    pub session_id: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "2")]
    pub user_context: ::core::option::Option<UserContext>,
    #[prost(string, optional, tag = "6")]
    pub operation_id: ::core::option::Option<::prost::alloc::string::String>,
    #[prost(message, optional, tag = "3")]
    pub plan: ::core::option::Option<Plan>,
    #[prost(string, optional, tag = "4")]
    pub client_type: ::core::option::Option<::prost::alloc::string::String>,
    #[prost(message, repeated, tag = "5")]
    pub request_options: ::prost::alloc::vec::Vec<execute_plan_request::RequestOption>,
}
/// Nested message and enum types in `ExecutePlanRequest`.
pub mod execute_plan_request {
    #[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct RequestOption {
        #[prost(oneof = "request_option::RequestOption", tags = "1")]
        pub request_option: ::core::option::Option<request_option::RequestOption>,
    }
    /// Nested message and enum types in `RequestOption`.
    pub mod request_option {
        #[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Oneof)]
        pub enum RequestOption {
            #[prost(message, tag = "1")]
            ReattachOptions(super::super::ReattachOptions),
        }
    }
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ExecutePlanResponse {
    #[prost(string, tag = "13")]
    pub response_id: ::prost::alloc::string::String,
    #[prost(message, repeated, tag = "6")]
    pub observed_metrics: ::prost::alloc::vec::Vec<execute_plan_response::ObservedMetrics>,
    #[prost(oneof = "execute_plan_response::ResponseType", tags = "2, 14, 18")]
    pub response_type: ::core::option::Option<execute_plan_response::ResponseType>,
}
/// Nested message and enum types in `ExecutePlanResponse`.
pub mod execute_plan_response {
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct ArrowBatch {
        #[prost(int64, tag = "1")]
        pub row_count: i64,
        #[prost(bytes = "bytes", tag = "2")]
        pub data: ::prost::bytes::Bytes,
        #[prost(int64, optional, tag = "3")]
        pub start_offset: ::core::option::Option<i64>,
        #[prost(int64, optional, tag = "4")]
        pub chunk_index: ::core::option::Option<i64>,
    }
    #[derive(Clone, PartialEq, ::prost::Message)]
    pub struct ObservedMetrics {
        #[prost(string, tag = "1")]
        pub name: ::prost::alloc::string::String,
        #[prost(message, repeated, tag = "2")]
        pub values: ::prost::alloc::vec::Vec<super::expression::Literal>,
    }
    #[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct ResultComplete {}
    #[derive(Clone, PartialEq, ::prost::Message)]
    pub struct ExecutionProgress {
        #[prost(message, repeated, tag = "1")]
        pub stages: ::prost::alloc::vec::Vec<execution_progress::StageInfo>,
    }
    /// Nested message and enum types in `ExecutionProgress`.
    pub mod execution_progress {
        #[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
        pub struct StageInfo {
            #[prost(int64, tag = "1")]
            pub stage_id: i64,
            #[prost(int64, tag = "3")]
            pub num_completed_tasks: i64,
        }
    }
    #[derive(Clone, PartialEq, ::prost::Oneof)]
    pub enum ResponseType {
        #[prost(message, tag = "2")]
        ArrowBatch(ArrowBatch),
        #[prost(message, tag = "14")]
        ResultComplete(ResultComplete),
        #[prost(message, tag = "18")]
        ExecutionProgress(ExecutionProgress),
    }
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct KeyValue {
    #[prost(string, tag = "1")]
    pub key: ::prost::alloc::string::String,
    #[prost(string, optional, tag = "2")]
    pub value: ::core::option::Option<::prost::alloc::string::String>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ConfigRequest {
    #[prost(string, tag = "1")]
    pub session_id: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "2")]
    pub user_context: ::core::option::Option<UserContext>,
    #[prost(message, optional, tag = "3")]
    pub operation: ::core::option::Option<config_request::Operation>,
    #[prost(string, optional, tag = "4")]
    pub client_type: ::core::option::Option<::prost::alloc::string::String>,
}
/// Nested message and enum types in `ConfigRequest`.
pub mod config_request {
    #[derive(Clone, PartialEq, ::prost::Message)]
    pub struct Operation {
        #[prost(oneof = "operation::OpType", tags = "1")]
        pub op_type: ::core::option::Option<operation::OpType>,
    }
    /// Nested message and enum types in `Operation`.
    pub mod operation {
        #[derive(Clone, PartialEq, ::prost::Oneof)]
        pub enum OpType {
            #[prost(message, tag = "1")]
            Set(super::Set),
        }
    }
    #[derive(Clone, PartialEq, ::prost::Message)]
    pub struct Set {
        #[prost(message, repeated, tag = "1")]
        pub pairs: ::prost::alloc::vec::Vec<super::KeyValue>,
    }
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ConfigResponse {
    #[prost(string, tag = "4")]
    pub server_side_session_id: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct InterruptRequest {
    #[prost(string, tag = "1")]
    pub session_id: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "2")]
    pub user_context: ::core::option::Option<UserContext>,
    #[prost(string, optional, tag = "3")]
    pub client_type: ::core::option::Option<::prost::alloc::string::String>,
    #[prost(enumeration = "interrupt_request::InterruptType", tag = "4")]
    pub interrupt_type: i32,
}
/// Nested message and enum types in `InterruptRequest`.
pub mod interrupt_request {
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
    #[repr(i32)]
    pub enum InterruptType {
        Unspecified = 0,
        All = 1,
        Tag = 2,
        OperationId = 3,
    }
    impl InterruptType {
        /// String value of the enum field names used in the ProtoBuf definition.
        ///
        /// The values are not transformed in any way and thus are considered stable
        /// (if the ProtoBuf definition does not change) and safe for programmatic use.
        pub fn as_str_name(&self) -> &'static str {
            match self {
                Self::Unspecified => "INTERRUPT_TYPE_UNSPECIFIED",
                Self::All => "INTERRUPT_TYPE_ALL",
                Self::Tag => "INTERRUPT_TYPE_TAG",
                Self::OperationId => "INTERRUPT_TYPE_OPERATION_ID",
            }
        }
        /// Creates an enum from field names used in the ProtoBuf definition.
        pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
            match value {
                "INTERRUPT_TYPE_UNSPECIFIED" => Some(Self::Unspecified),
                "INTERRUPT_TYPE_ALL" => Some(Self::All),
                "INTERRUPT_TYPE_TAG" => Some(Self::Tag),
                "INTERRUPT_TYPE_OPERATION_ID" => Some(Self::OperationId),
                _ => None,
            }
        }
    }
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct InterruptResponse {}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ReattachOptions {
    #[prost(bool, tag = "1")]
    pub reattachable: bool,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ReattachExecuteRequest {
    #[prost(string, tag = "1")]
    pub session_id: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "2")]
    pub user_context: ::core::option::Option<UserContext>,
    #[prost(string, tag = "3")]
    pub operation_id: ::prost::alloc::string::String,
    #[prost(string, optional, tag = "4")]
    pub client_type: ::core::option::Option<::prost::alloc::string::String>,
    #[prost(string, optional, tag = "5")]
    pub last_response_id: ::core::option::Option<::prost::alloc::string::String>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ReleaseSessionRequest {
    #[prost(string, tag = "1")]
    pub session_id: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "2")]
    pub user_context: ::core::option::Option<UserContext>,
    #[prost(string, optional, tag = "3")]
    pub client_type: ::core::option::Option<::prost::alloc::string::String>,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ReleaseSessionResponse {}
/// Generated client implementations.
pub mod spark_connect_service_client {
    #![allow(unused_variables, dead_code, missing_docs, clippy::wildcard_imports, clippy::let_unit_value)]
    use tonic::codegen::http::Uri;
    use tonic::codegen::*;
    #[derive(Debug, Clone)]
    pub struct SparkConnectServiceClient<T> {
        inner: tonic::client::Grpc<T>,
    }
    impl<T> SparkConnectServiceClient<T>
    where
        T: tonic::client::GrpcService<tonic::body::Body>,
        T::Error: Into<StdError>,
        T::ResponseBody: Body<Data = Bytes> + std::marker::Send + 'static,
        <T::ResponseBody as Body>::Error: Into<StdError> + std::marker::Send,
    {
        pub fn new(inner: T) -> Self {
            let inner = tonic::client::Grpc::new(inner);
            Self { inner }
        }
        pub fn with_origin(inner: T, origin: Uri) -> Self {
            let inner = tonic::client::Grpc::with_origin(inner, origin);
            Self { inner }
        }
        pub fn with_interceptor<F>(inner: T, interceptor: F) -> SparkConnectServiceClient<InterceptedService<T, F>>
        where
            F: tonic::service::Interceptor,
            T::ResponseBody: Default,
            T: tonic::codegen::Service<
                    http::Request<tonic::body::Body>,
                    Response = http::Response<<T as tonic::client::GrpcService<tonic::body::Body>>::ResponseBody>,
                >,
            <T as tonic::codegen::Service<http::Request<tonic::body::Body>>>::Error:
                Into<StdError> + std::marker::Send + std::marker::Sync,
        {
            SparkConnectServiceClient::new(InterceptedService::new(inner, interceptor))
        }
        /// Compress requests with the given encoding.
        ///
        /// This requires the server to support it otherwise it might respond with an
        /// error.
        #[must_use]
        pub fn send_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.inner = self.inner.send_compressed(encoding);
            self
        }
        /// Enable decompressing responses.
        #[must_use]
        pub fn accept_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.inner = self.inner.accept_compressed(encoding);
            self
        }
        /// Limits the maximum size of a decoded message.
        ///
        /// Default: `4MB`
        #[must_use]
        pub fn max_decoding_message_size(mut self, limit: usize) -> Self {
            self.inner = self.inner.max_decoding_message_size(limit);
            self
        }
        /// Limits the maximum size of an encoded message.
        ///
        /// Default: `usize::MAX`
        #[must_use]
        pub fn max_encoding_message_size(mut self, limit: usize) -> Self {
            self.inner = self.inner.max_encoding_message_size(limit);
            self
        }
        pub async fn execute_plan(
            &mut self,
            request: impl tonic::IntoRequest<super::ExecutePlanRequest>,
        ) -> std::result::Result<tonic::Response<tonic::codec::Streaming<super::ExecutePlanResponse>>, tonic::Status>
        {
            self.inner
                .ready()
                .await
                .map_err(|e| tonic::Status::unknown(format!("Service was not ready: {}", e.into())))?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static("/spark.connect.SparkConnectService/ExecutePlan");
            let mut req = request.into_request();
            req.extensions_mut().insert(GrpcMethod::new("spark.connect.SparkConnectService", "ExecutePlan"));
            self.inner.server_streaming(req, path, codec).await
        }
        pub async fn analyze_plan(
            &mut self,
            request: impl tonic::IntoRequest<super::AnalyzePlanRequest>,
        ) -> std::result::Result<tonic::Response<super::AnalyzePlanResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| tonic::Status::unknown(format!("Service was not ready: {}", e.into())))?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static("/spark.connect.SparkConnectService/AnalyzePlan");
            let mut req = request.into_request();
            req.extensions_mut().insert(GrpcMethod::new("spark.connect.SparkConnectService", "AnalyzePlan"));
            self.inner.unary(req, path, codec).await
        }
        pub async fn config(
            &mut self,
            request: impl tonic::IntoRequest<super::ConfigRequest>,
        ) -> std::result::Result<tonic::Response<super::ConfigResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| tonic::Status::unknown(format!("Service was not ready: {}", e.into())))?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static("/spark.connect.SparkConnectService/Config");
            let mut req = request.into_request();
            req.extensions_mut().insert(GrpcMethod::new("spark.connect.SparkConnectService", "Config"));
            self.inner.unary(req, path, codec).await
        }
        pub async fn interrupt(
            &mut self,
            request: impl tonic::IntoRequest<super::InterruptRequest>,
        ) -> std::result::Result<tonic::Response<super::InterruptResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| tonic::Status::unknown(format!("Service was not ready: {}", e.into())))?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static("/spark.connect.SparkConnectService/Interrupt");
            let mut req = request.into_request();
            req.extensions_mut().insert(GrpcMethod::new("spark.connect.SparkConnectService", "Interrupt"));
            self.inner.unary(req, path, codec).await
        }
        pub async fn reattach_execute(
            &mut self,
            request: impl tonic::IntoRequest<super::ReattachExecuteRequest>,
        ) -> std::result::Result<tonic::Response<tonic::codec::Streaming<super::ExecutePlanResponse>>, tonic::Status>
        {
            self.inner
                .ready()
                .await
                .map_err(|e| tonic::Status::unknown(format!("Service was not ready: {}", e.into())))?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static("/spark.connect.SparkConnectService/ReattachExecute");
            let mut req = request.into_request();
            req.extensions_mut().insert(GrpcMethod::new("spark.connect.SparkConnectService", "ReattachExecute"));
            self.inner.server_streaming(req, path, codec).await
        }
        pub async fn release_session(
            &mut self,
            request: impl tonic::IntoRequest<super::ReleaseSessionRequest>,
        ) -> std::result::Result<tonic::Response<super::ReleaseSessionResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| tonic::Status::unknown(format!("Service was not ready: {}", e.into())))?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static("/spark.connect.SparkConnectService/ReleaseSession");
            let mut req = request.into_request();
            req.extensions_mut().insert(GrpcMethod::new("spark.connect.SparkConnectService", "ReleaseSession"));
            self.inner.unary(req, path, codec).await
        }
    }
}
