package convert

// member is a name that some envelope's documentation gives to a member.
type member uint8

// Members. The same name may mean different things in different envelopes.
const (
	mUnknown member = iota
	mTaken
	mSpecVersion
	mID
	mSource
	mType
	mTime
	mSubject
	mDataContentType
	mDataSchema
	mData
	mDataBase64
	mCloud
	mTenant
	mCorrelationID
	mIngestTime
	mTraceParent
	mContentTypeOld
	mSchemaURLOld
	mDataContentEncoding
	mCloudEventsVersion
	mEventID
	mEventTime
	mEventType
	mContentType
	mSchemaURL
	mExtensions
	mDetailType
	mDetail
	mTopic
	mDataVersion
	mSNSType
	mTopicArn
	mSNSMessage
	mSNSMessageID
	mTimestamp
	mSNSSubject
	mRecords
	mMessages
	mBody
	mBodyUpper
	mMessageID
	mAttributes
	mAttributesUpper
	mEventSource
	mEventSourceUpper
	mEventSourceARN
	mEventName
	mEventVersion
	mEventIDLower
	mSNSRecord
	mKinesis
	mDynamoDB
	mSES
	mS3
	mArrival
	mSentTimestamp
	mS3Service
	mS3Event
	mMessage
	mSubscription
	mPublishTime
	mPublishTimeOld
	mMessageIDOld

	memberCount
)

// memberOf returns the member with that name.
func memberOf(name []byte) member {
	switch string(name) {
	case "specversion":
		return mSpecVersion
	case "id":
		return mID
	case "source":
		return mSource
	case "type":
		return mType
	case "time":
		return mTime
	case "subject":
		return mSubject
	case "datacontenttype":
		return mDataContentType
	case "dataschema":
		return mDataSchema
	case "data":
		return mData
	case "data_base64":
		return mDataBase64
	case "cloud":
		return mCloud
	case "tenant":
		return mTenant
	case "correlationid":
		return mCorrelationID
	case "ingesttime":
		return mIngestTime
	case "traceparent":
		return mTraceParent
	case "contenttype":
		return mContentTypeOld
	case "schemaurl":
		return mSchemaURLOld
	case "datacontentencoding":
		return mDataContentEncoding
	case "cloudEventsVersion":
		return mCloudEventsVersion
	case "eventID":
		return mEventID
	case "eventTime":
		return mEventTime
	case "eventType":
		return mEventType
	case "contentType":
		return mContentType
	case "schemaURL":
		return mSchemaURL
	case "extensions":
		return mExtensions
	case "detail-type":
		return mDetailType
	case "detail":
		return mDetail
	case "topic":
		return mTopic
	case "dataVersion":
		return mDataVersion
	case "Type":
		return mSNSType
	case "TopicArn":
		return mTopicArn
	case "Message":
		return mSNSMessage
	case "MessageId":
		return mSNSMessageID
	case "Timestamp":
		return mTimestamp
	case "Subject":
		return mSNSSubject
	case "Records":
		return mRecords
	case "Messages":
		return mMessages
	case "body":
		return mBody
	case "Body":
		return mBodyUpper
	case "messageId":
		return mMessageID
	case "attributes":
		return mAttributes
	case "Attributes":
		return mAttributesUpper
	case "eventSource":
		return mEventSource
	case "EventSource":
		return mEventSourceUpper
	case "eventSourceARN":
		return mEventSourceARN
	case "eventName":
		return mEventName
	case "eventVersion":
		return mEventVersion
	case "eventId":
		return mEventIDLower
	case "Sns":
		return mSNSRecord
	case "kinesis":
		return mKinesis
	case "dynamodb":
		return mDynamoDB
	case "ses":
		return mSES
	case "s3":
		return mS3
	case "approximateArrivalTimestamp":
		return mArrival
	case "SentTimestamp":
		return mSentTimestamp
	case "Service":
		return mS3Service
	case "Event":
		return mS3Event
	case "message":
		return mMessage
	case "subscription":
		return mSubscription
	case "publishTime":
		return mPublishTime
	case "publish_time":
		return mPublishTimeOld
	case "message_id":
		return mMessageIDOld
	}
	return mUnknown
}
